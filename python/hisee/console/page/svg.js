// Drawing of one picture: builds the SVG node by node from a tree and lets properties of graphical objects show in it.
// Nothing here parses markup. Owns no socket: what a person does goes to the `act` callback.

const SVG = "http://www.w3.org/2000/svg";
const XHTML = "http://www.w3.org/1999/xhtml";
const SHAPES = new Set(["rect", "circle", "ellipse", "line", "polyline", "polygon", "path"]);
const GOOD = 0, INVALID = 1, STALE = 2;

export class Picture {
  constructor(slot, tree, items, act) {
    this.slot = slot;
    this.nodes = new Map();
    this.svg = this.build(tree);
    this.fit();
    this.svg.prepend(hatch(slot));
    this.items = new Map();
    for (const [id, values] of Object.entries(items)) {
      const node = this.nodes.get(id);
      if (node) this.items.set(id, new Item(slot, id, node, values, act));
    }
  }

  build(tree) {
    const [tag, attributes, children] = tree;
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, this.local(name, value));
    if (attributes.id) this.nodes.set(attributes.id, node);
    for (const child of children) node.append(typeof child === "string" ? child : this.build(child));
    return node;
  }

  // Two pictures may use the same id: every id of the page carries the picture's slot.
  local(name, value) {
    if (name === "id") return `s${this.slot}-${value}`;
    return value.replace(/url\(\s*['"]?#([\w.-]+)['"]?\s*\)/g, `url(#s${this.slot}-$1)`);
  }

  fit() {
    const width = parseFloat(this.svg.getAttribute("width")) || 800, height = parseFloat(this.svg.getAttribute("height")) || 600;
    if (!this.svg.hasAttribute("viewBox")) this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.removeAttribute("width");
    this.svg.removeAttribute("height");
    this.svg.classList.add("picture");
  }

  shown() {
    for (const item of this.items.values()) item.apply();
  }

  change(id, property, value) {
    const item = this.items.get(id);
    if (item) item.set(property, value);
  }
}

function hatch(slot) {
  const pattern = element("pattern", {id: `s${slot}--hatch`, width: 6, height: 6, patternUnits: "userSpaceOnUse",
                                      patternTransform: "rotate(45)"});
  pattern.append(element("rect", {width: 6, height: 6, class: "hatch-ground"}), element("rect", {width: 2, height: 6, class: "hatch-line"}));
  const defs = element("defs", {});
  defs.append(pattern);
  return defs;
}

function element(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const colour = (number) => "#" + number.toString(16).padStart(6, "0");
const first = (node, wanted) => wanted(node) ? node : [...node.querySelectorAll("*")].find(wanted) ?? null;

class Item {
  constructor(slot, id, node, values, act) {
    Object.assign(this, {slot, id, node, values, act});
    this.shape = first(node, (n) => SHAPES.has(n.localName));
    this.label = first(node, (n) => n.localName === "text");
    this.drawn = values.drawn;
    this.transform = node.getAttribute("transform") ?? "";
    this.wrap();
    if (values.kind === "button" && this.shape) this.dressButton();
    if (values.kind === "entry") this.makeField();
    else if ("text" in values && !this.label) this.makeLabel();
    this.remember();
    if (values.operable || values.kind === "button") this.makeOperable();
  }

  // A button that is drawn without look of its own gets the house's.
  dressButton() {
    if (!this.shape.hasAttribute("fill")) this.shape.setAttribute("fill", "#c6cace");
    if (!this.shape.hasAttribute("stroke")) this.shape.setAttribute("stroke", "#6d7680");
  }

  // A lone shape or text gets a group around it: room for a label, a backing and a field that move with it.
  wrap() {
    if (this.node.localName === "g") return;
    const group = element("g", {});
    this.node.replaceWith(group);
    group.append(this.node);
    if (this.transform) {
      this.node.removeAttribute("transform");
      group.setAttribute("transform", this.transform);
    }
    group.id = this.node.id;
    this.node.removeAttribute("id");
    this.node = group;
  }

  remember() {
    const keep = (node, name) => node ? node.getAttribute(name) : null;
    this.original = {fill: keep(this.shape, "fill"), stroke: keep(this.shape, "stroke"), text: keep(this.label, "fill")};
  }

  makeLabel() {
    this.label = element("text", {class: "label"});
    this.node.append(this.label);
    this.centre();
  }

  centre() {
    if (!this.label?.classList.contains("label")) return;
    const {x, y, width, height} = this.values, dx = this.drawn.x - x, dy = this.drawn.y - y;
    this.label.setAttribute("x", x + dx + width / 2);
    this.label.setAttribute("y", y + dy + height / 2);
  }

  makeField() {
    this.field = document.createElementNS(XHTML, "input");
    this.field.type = "text";
    this.field.autocomplete = "off";
    this.field.spellcheck = false;
    this.field.setAttribute("aria-label", this.id);
    this.holder = element("foreignObject", {});
    this.holder.append(this.field);
    this.node.append(this.holder);
    if (this.label) this.dressAs(this.label);
    this.shape?.setAttribute("visibility", "hidden");  // the field stands in its place
    this.field.addEventListener("change", () => this.act("enter", this.id, this.field.value));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.field.blur();
      if (event.key === "Escape") { this.field.value = this.values.text; this.field.blur(); }
      event.stopPropagation();
    });
  }

  // The field takes the look of the text it stands for.
  dressAs(label) {
    const style = this.field.style, anchor = label.getAttribute("text-anchor");
    this.size = parseFloat(label.getAttribute("font-size")) || 0;
    style.textAlign = {middle: "center", end: "right"}[anchor] ?? "left";
    style.fontWeight = label.getAttribute("font-weight") ?? "";
    style.color = label.getAttribute("fill") ?? "";
    label.setAttribute("visibility", "hidden");
  }

  makeOperable() {
    if (this.field) return;
    this.node.classList.add("operable");
    this.node.setAttribute("role", "button");
    this.node.addEventListener("click", () => this.press());
    this.node.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.press();
    });
  }

  press() {
    if (this.values.enabled) this.act("click", this.id);
  }

  set(property, value) {
    this.values[property] = value;
    this.apply();
  }

  apply() {
    const {visible, enabled, quality = GOOD} = this.values;
    this.node.style.display = visible ? "" : "none";
    this.node.classList.toggle("disabled", !enabled);
    this.node.classList.toggle("invalid", quality === INVALID);
    this.node.classList.toggle("stale", quality === STALE);
    if (this.node.classList.contains("operable")) this.node.tabIndex = enabled ? 0 : -1;
    this.node.setAttribute("aria-disabled", String(!enabled));
    this.place();
    this.paint();
    this.write();
    this.back();
  }

  place() {
    const {x, y, width, height} = this.values, dx = x - this.drawn.x, dy = y - this.drawn.y;
    this.node.setAttribute("transform", (dx || dy ? `translate(${dx} ${dy}) ` : "") + this.transform);
    if (this.shape?.localName === "rect" && width && height) {
      this.shape.setAttribute("width", width);
      this.shape.setAttribute("height", height);
    }
    this.centre();
    if (this.holder) this.placeField(width || 120, height || 24);
  }

  placeField(width, height) {
    const top = this.shape ? this.drawn.y : this.drawn.y - height + 6;
    for (const [name, value] of Object.entries({x: this.drawn.x, y: top, width, height})) this.holder.setAttribute(name, value);
    this.field.style.fontSize = (this.size || Math.max(10, Math.min(18, height * 0.55))) + "px";
    this.field.disabled = !this.values.enabled;
  }

  paint() {
    const {back_color, fore_color, line_color} = this.values;
    if (this.field) {
      const css = (number, drawn) => number >= 0 && number !== drawn ? colour(number) : "";
      this.field.style.backgroundColor = css(back_color, this.drawn.back_color);
      this.field.style.borderColor = css(line_color, this.drawn.line_color);
      this.field.style.color = fore_color >= 0 ? colour(fore_color) : this.label?.getAttribute("fill") ?? "";
      return;
    }
    const put = (node, name, number, original) => {
      if (!node) return;
      if (number >= 0) node.setAttribute(name, colour(number));
      else if (original === null) node.removeAttribute(name);
      else node.setAttribute(name, original);
    };
    if (!(this.shape && back_color === this.drawn.back_color)) put(this.shape, "fill", back_color, this.original.fill);
    else put(this.shape, "fill", -1, this.original.fill);
    put(this.shape, "stroke", line_color, this.original.stroke);
    put(this.label, "fill", fore_color, this.original.text);
  }

  write() {
    const {text, quality = GOOD, last = ""} = this.values;
    if (text === undefined) return;
    const shown = quality === INVALID && last ? `${last} ?` : text;
    if (this.field) {
      if (document.activeElement !== this.field) this.field.value = text;
      return;
    }
    if (this.label.textContent.replace(/\s+/g, " ").trim() !== shown) this.label.textContent = shown;
    if (this.node.classList.contains("operable")) this.node.setAttribute("aria-label", shown || this.id);
  }

  // Ground behind a lone text: its fill colour, or the hatch of an invalid value.
  back() {
    const hatched = this.values.quality === INVALID, coloured = !this.shape && this.values.back_color >= 0;
    if (this.field || !this.label || !(hatched || coloured)) {
      this.backing?.remove();
      this.backing = null;
      return;
    }
    this.backing ??= element("rect", {class: "backing", rx: 2});
    this.label.before(this.backing);
    const box = this.label.getBBox();
    for (const [name, value] of Object.entries({x: box.x - 4, y: box.y - 2, width: box.width + 8, height: box.height + 4})) {
      this.backing.setAttribute(name, value);
    }
    this.backing.setAttribute("fill", hatched ? `url(#s${this.slot}--hatch)` : colour(this.values.back_color));
  }
}
