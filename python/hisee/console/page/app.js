// The operator's page: one WebSocket, one snapshot, then change lists by sequence number. State lives in the console; this page
// only shows it. A gap in the sequence asks for a snapshot, a silent socket greys everything within two seconds.

import {Picture} from "./svg.js";

const STALE_MS = 2000, RETRY_MS = 1000;
const by = (id) => document.getElementById(id);
const station = decodeURIComponent(location.pathname.split("/")[2] ?? "");
const page = {sequence: 0, pictures: new Map(), opened: [], shown: 0, heard: 0, lostAt: null, socket: null, wanted: location.hash.slice(1),
              names: []};

// -- the socket

function connect() {
  const socket = new WebSocket(`ws://${location.host}/c/${encodeURIComponent(station)}/ws`);
  page.socket = socket;
  socket.onopen = () => send({type: "pictures"});
  socket.onmessage = (event) => { if (socket === page.socket) hear(JSON.parse(event.data)); };
  socket.onclose = () => {
    if (socket !== page.socket) return;
    lost();
    setTimeout(connect, RETRY_MS);
  };
}

function send(input) {
  if (page.socket?.readyState === WebSocket.OPEN) page.socket.send(JSON.stringify(input));
}

function hear(message) {
  page.heard = performance.now();
  found();
  if (message.type === "snapshot") snapshot(message);
  else if (message.type === "changes") changes(message);
  else if (message.type === "list") showList(message.objects);
  else if (message.type === "complaint") toast(message.text);
}

function snapshot(message) {
  page.sequence = message.sequence;
  document.title = message.console;
  by("station").textContent = message.console.replace(/\.HIP$/, "");
  showStations(message.consoles);
  page.pictures = new Map(message.pictures.map((p) => [p.slot, new Picture(p.slot, p.tree, p.items, act(p.slot))]));
  facts(message);
  showDesk(message.desk);
  const names = new Map(page.opened.map((o) => [o.object, o.slot]));
  if (page.wanted && names.has(page.wanted)) page.shown = names.get(page.wanted);
  else if (page.wanted) { send({type: "open", object: page.wanted}); }
  page.wanted = "";
  if (!page.pictures.has(page.shown)) page.shown = [...page.pictures.keys()].at(-1) ?? 0;
  if (page.newest !== undefined) {
    const added = [...page.pictures.keys()].filter((slot) => slot > page.newest);
    if (added.length) page.shown = added.at(-1);
  }
  page.newest = Math.max(0, ...page.pictures.keys());
  show();
}

function changes(message) {
  if (message.from !== page.sequence) {  // something was missed: start afresh
    send({type: "snapshot"});
    return;
  }
  page.sequence = message.to;
  for (const [slot, id, property, value] of message.items ?? []) page.pictures.get(slot)?.change(id, property, value);
  if (message.opened || message.latency || "connected" in message || "mode" in message) facts(message);
  if (message.desk) showDesk(message.desk);
}

function facts(message) {
  Object.assign(page, Object.fromEntries(["opened", "latency", "connected", "mode"].filter((k) => k in message).map((k) => [k, message[k]])));
  chip();
  if (message.opened) tabs();
}

// -- loss and return

function lost() {
  if (page.lostAt !== null) return;
  page.lostAt = new Date();
  document.body.classList.add("lost");
  by("body").inert = by("desk").inert = true;
  banner(`No connection to this console since ${clock(page.lostAt)}. What you see is old. Trying again …`);
}

function found() {
  if (page.lostAt === null) return;
  page.lostAt = null;
  document.body.classList.remove("lost");
  by("body").inert = by("desk").inert = false;
  banner("");
}

function watch() {
  if (page.heard && performance.now() - page.heard > STALE_MS * 0.75) {
    lost();
    if (page.socket?.readyState === WebSocket.OPEN && performance.now() - page.heard > 2 * STALE_MS) page.socket.close();
  }
}

function banner(text) {
  by("banner").textContent = text;
  by("banner").hidden = !text;
}

// -- head line

function current() {
  return page.opened.find((o) => o.slot === page.shown);
}

const STATES = {up: "", starting: "starting", down: "down", none: "–"};
const MODES = {  // what a person can do here: state of the chip, its figure, words of the banner
  control: ["up", "ok", ""],
  view: ["starting", "view only", "View only: the hot server does not answer. Values come from the standby server until another one is hot."],
  lost: ["down", "lost", "The server is lost. Values are old until it answers again."],
};
const figure = (ms) => ms === null || ms === undefined ? "ready" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

function part(id, state, ms, reason) {
  const node = by(`chip-${id}`);
  node.dataset.state = state;
  node.querySelector(".figure").textContent = state === "up" ? figure(ms) : STATES[state];
  if (reason !== undefined) node.title = reason;
}

function chip() {
  const opened = current();
  part("L", opened?.local ?? "none", page.latency?.L, opened ? `local part ${opened.his} ${opened.local}` : "no picture shown");
  const why = opened?.reason ? `: ${opened.reason}` : "";
  part("R", opened?.remote ?? "none", page.latency?.R, opened?.remote === "none" || !opened ? "no remote part" : `remote part ${opened.see} ${opened.remote}${why}`);
  const [state, figure, words] = MODES[page.mode ?? (page.connected === false ? "lost" : "control")];
  part("S", state, null);
  by("chip-S").querySelector(".figure").textContent = figure;
  document.body.dataset.mode = page.mode ?? "";
  document.body.classList.toggle("cut", page.mode === "lost");
  if (page.lostAt === null) banner(words);
}

function tabs() {
  const shown = page.opened.filter((o) => page.pictures.has(o.slot));
  by("tabs").replaceChildren(...shown.map((opened, index) => {
    const tab = make("div", "tab");
    const name = make("button", "name", opened.object);
    name.setAttribute("role", "tab");
    name.setAttribute("aria-selected", String(opened.slot === page.shown));
    name.title = opened.title + (index < 9 ? ` (Alt+${index + 1})` : "");
    name.onclick = () => { page.shown = opened.slot; show(); };
    const close = make("button", "close", "×");
    close.setAttribute("aria-label", `Close ${opened.object}`);
    close.onclick = () => send({type: "close", opened: opened.opened});
    tab.append(name, close);
    if (opened.remote === "down") tab.classList.add("down");
    return tab;
  }));
}

function showStations(names) {
  const select = by("stations");
  select.hidden = names.length < 2;
  select.replaceChildren(...names.map((name) => Object.assign(make("option", "", name), {value: name, selected: name === station})));
}

by("stations").onchange = (event) => location.assign(`/c/${encodeURIComponent(event.target.value)}`);

// -- picture

function act(slot) {
  return (type, id, text) => {
    const opened = page.opened.find((o) => o.slot === slot)?.opened;
    if (opened !== undefined) send(text === undefined ? {type, opened, id} : {type, opened, id, text});
  };
}

function show() {
  const picture = page.pictures.get(page.shown);
  by("nothing").hidden = Boolean(picture);
  by("paper").replaceChildren(by("nothing"), ...(picture ? [picture.svg] : []));
  picture?.shown();
  history.replaceState(null, "", picture ? `#${encodeURI(current().object)}` : location.pathname);
  chip();
  tabs();
  showList(page.names);
}

function showList(objects) {
  page.names = objects;
  const wanted = by("filter").value.toLowerCase();
  const open = new Map(page.opened.map((o) => [o.object, o.slot]));
  by("list").replaceChildren(...objects.filter((o) => o.name.toLowerCase().includes(wanted)).map(({name}) => {
    const entry = make("button", "entry", name);
    if (open.has(name)) entry.classList.add("open");
    if (open.get(name) === page.shown) entry.setAttribute("aria-current", "true");
    entry.onclick = () => {
      if (open.has(name)) { page.shown = open.get(name); show(); } else send({type: "open", object: name});
    };
    const row = make("li");
    row.append(entry);
    return row;
  }));
}

by("filter").oninput = () => showList(page.names);

// -- messages and questions

const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");

function showDesk(desk) {
  const complaints = by("messages").querySelectorAll(".complaint");
  by("messages").replaceChildren(...complaints, ...desk.messages.slice(-6).reverse().map((m) => line(m)));
  by("questions").replaceChildren(...desk.questions.filter((q) => !lone(q, desk)).map((q) => {
    const row = line(q);
    row.append(choices(q));
    return row;
  }));
  single(desk.questions.find((q) => lone(q, desk)));
}

function line(m) {
  const row = make("li");
  row.append(make("time", "", clock(m.time_ms)), make("span", "source", m.source), make("span", "text", m.text));
  return row;
}

const lone = (question, desk) => question.single && desk.questions.length === 1;

function single(question) {
  const dialog = by("single");
  if (!question) { if (dialog.open) dialog.close(); return; }
  by("single-text").textContent = question.text;
  dialog.querySelector(".choices").replaceWith(choices(question));
  if (!dialog.open) dialog.showModal();
}

by("single").oncancel = (event) => event.preventDefault();

function choices(question) {
  const row = make("div", "choices");
  for (const [choice, label] of [["yes", "Yes"], ["no", "No"], ["dontknow", "Don’t know"]]) {
    const button = make("button", "", label);
    button.onclick = () => send({type: "answer", question: question.id, choice});
    row.append(button);
  }
  return row;
}

function toast(text) {
  const row = make("li", "complaint");
  row.append(make("time", "", clock(Date.now())), make("span", "source", "console"), make("span", "text", text));
  by("messages").prepend(row);
  setTimeout(() => row.remove(), 15000);
}

function make(tag, name = "", text = "") {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text) node.textContent = text;
  if (tag === "button") node.type = "button";
  return node;
}

// -- keys

by("keys-open").onclick = () => by("keys").showModal();

addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, select, textarea");
  if (event.altKey && /^[1-9]$/.test(event.key)) nth(Number(event.key));
  else if (event.altKey && event.key.toLowerCase() === "w") closeShown();
  else if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  else if (event.key === "/") by("filter").focus();
  else if (event.key === "?") by("keys").showModal();
  else return;
  event.preventDefault();
});

function nth(number) {
  const slot = page.opened.filter((o) => page.pictures.has(o.slot))[number - 1]?.slot;
  if (slot !== undefined) { page.shown = slot; show(); }
}

function closeShown() {
  const opened = current();
  if (opened) send({type: "close", opened: opened.opened});
}

connect();
setInterval(watch, 250);
