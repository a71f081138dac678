"""The page in a real browser: what an operator sees and does, and what hostile texts do not do."""

import asyncio
import gc
import os
import shutil
from pathlib import Path

import pytest

from hisee.channel import Message
from hisee.channel.payloads import RemoteUp, pack
from hisee.console.feed import Feed
from hisee.console.web import Page
from hisee.schema.actions import ActionId
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.picture_functions import PictureFunction as F
from hisee.seams import Seams
from hisee.values import Invalid

from .parts import HIS, REF, SEE, Stage, opened_reply, visual

playwright = pytest.importorskip("playwright.async_api")
playwright.expect.set_options(timeout=15_000)  # two busy processors draw late; nothing here is about speed
CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")]
QUIET = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
         "--disable-default-apps", "--disable-domain-reliability", "--disable-features=OptimizationHints,MediaRouter,Translate",
         "--no-pings", "--metrics-recording-only", "--disable-breakpad", "--disable-gpu", "--disable-dev-shm-usage"]
HOSTILE = '"><script>document.title="hit"</script><img src=x onerror=alert(1)>javascript:alert(1)'


class AnsweringStage(Stage):
    """The fake HIS: a click on BtnGo makes it write a text, as a local script would."""

    def __init__(self, reply=None):
        super().__init__(reply)
        send = self.local.send

        def answering(message: Message) -> bool:
            sent = send(message)
            if message.kind == Kind.PICTURE_EVENT:
                count = len(self.local.events())
                self.console.take(visual(F.HI_SETTEXT, REF["Lbl"], f"pressed {count}", kind=Kind.VISUAL_SET), self.local)
            return sent

        self.local.send = answering


class Browser:
    def __init__(self, stage, **options):
        self.stage, self.options = stage, options

    async def __aenter__(self):
        self.page_server = Page(Seams().rng)
        self.page_server.add(self.stage.console)
        await self.page_server.start()
        self.driver = await playwright.async_playwright().start()
        self.browser = await self.driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        self.page = await self.browser.new_page(viewport={"width": 1280, "height": 760}, **self.options)
        self.faults, self.foreign = [], []
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda e: self.faults.append(str(e)))
        self.page.on("dialog", lambda d: self.faults.append(f"dialog {d.message}"))
        self.page.on("request", lambda r: self.foreign.append(r.url) if f"127.0.0.1:{self.page_server.port}" not in r.url else None)
        await self.page.goto(self.page_server.url)
        return self

    async def __aexit__(self, *_):
        await self.browser.close()
        await self.driver.stop()
        await self.page_server.close()

    async def text(self, selector, wanted):
        await playwright.expect(self.page.locator(selector)).to_have_text(wanted)

    async def picture(self, name):
        """For a person to look at: with HISEE_SCREENSHOTS=folder."""
        if os.environ.get("HISEE_SCREENSHOTS"):
            await self.page.screenshot(path=Path(os.environ["HISEE_SCREENSHOTS"]) / f"{name}.png")

    def clean(self):
        assert self.faults == [] and self.foreign == []


def run(body, stage=None, **options):
    async def with_browser():
        made = stage() if stage else AnsweringStage()
        await made.open()
        up = RemoteUp(opened=HIS, see=SEE, name="WS1_2.SEE")
        made.console.take(Message(kind=Kind.REMOTE_UP, payload=pack(up)), made.server)
        async with Browser(made, **options) as browser:
            await body(browser)

    asyncio.run(with_browser())


def test_a_click_reaches_the_script_and_its_text_reaches_the_screen():
    async def body(b):
        await b.text("#s1-Lbl", "ready")
        await b.page.locator("#s1-BtnGo").click()
        await b.text("#s1-Lbl", "pressed 1")
        await b.page.locator("#s1-BtnGo").focus()
        await b.page.keyboard.press("Enter")
        await b.text("#s1-Lbl", "pressed 2")
        await b.page.keyboard.press("Space")
        await b.text("#s1-Lbl", "pressed 3")
        assert b.stage.local.events() == [["BtnGo_OnClick"]] * 3
        await b.picture("click")
        assert "token" not in b.page.url
        b.clean()

    run(body)


def test_typing_into_an_entry_and_taking_it_back():
    async def body(b):
        field = b.page.locator("#s1-EdPlate input")
        await field.fill("BA-123")
        await field.press("Enter")
        await b.text("#s1-Lbl", "pressed 1")
        assert b.stage.local.events() == [["EdPlate_OnTextChange"]]
        await field.fill("wrong")
        await field.press("Escape")
        await playwright.expect(field).to_have_value("BA-123")
        b.stage.console.take(visual(F.HI_SETTEXT, REF["EdPlate"], "by script", kind=Kind.VISUAL_SET), b.stage.local)
        await playwright.expect(field).to_have_value("by script")
        b.clean()

    run(body)


def test_every_property_shows():
    async def body(b):
        def do(function, *arguments):
            b.stage.console.take(visual(function, *arguments, kind=Kind.VISUAL_SET), b.stage.local)

        do(F.HI_SETPOS, REF["Box"], 300, 200)
        do(F.HI_SETSIZE, REF["Box"], 60, 20)
        do(F.HI_SETBACKCOLOR, REF["Box"], 0xFF0000)
        do(F.HI_SETFORECOLOR, REF["Lbl"], 0x00FF00)
        do(F.HI_SETENABLE, REF["BtnGo"], False)
        do(F.HI_SETVISIBLE, REF["Grp"], False)
        await playwright.expect(b.page.locator("#s1-Grp")).to_be_hidden()
        shape = b.page.locator("#s1-Box rect")
        await playwright.expect(shape).to_have_attribute("fill", "#ff0000")
        await playwright.expect(shape).to_have_attribute("width", "60")
        await playwright.expect(b.page.locator("#s1-Box")).to_have_attribute("transform", "translate(290 80) ")
        await playwright.expect(b.page.locator("#s1-Lbl text")).to_have_attribute("fill", "#00ff00")
        await playwright.expect(b.page.locator("#s1-BtnGo")).to_have_attribute("aria-disabled", "true")
        await b.page.locator("#s1-BtnGo").click(force=True)
        assert b.stage.local.events() == []
        do(F.HI_SETTEXT, REF["Lbl"], Invalid(1))
        await playwright.expect(b.page.locator("#s1-Lbl .backing")).to_have_attribute("fill", "url(#s1--hatch)")
        await b.picture("properties")
        await b.page.reload()  # a page that comes late draws the same: its nodes start as drawn, not as set
        await playwright.expect(shape).to_have_attribute("fill", "#ff0000")
        await playwright.expect(b.page.locator("#s1-Box")).to_have_attribute("transform", "translate(290 80) ")
        await playwright.expect(b.page.locator("#s1-Lbl text")).to_have_attribute("fill", "#00ff00")
        await playwright.expect(b.page.locator("#s1-Grp")).to_be_hidden()
        b.clean()

    run(body)


def test_a_gap_in_the_sequence_is_healed_by_a_snapshot():
    async def body(b):
        await b.text("#s1-Lbl", "ready")
        b.stage.console.log.sequence += 7  # a number that no page was told about
        label = b.stage.console.opened[HIS].picture.by_id["Lbl"]
        label.values = {**label.values, "text": "healed"}
        for feed in _feeds(b.stage.console):
            feed._sequence = b.stage.console.log.sequence
        await b.text("#s1-Lbl", "healed")
        b.clean()

    run(body)


def _feeds(console):
    return [o for o in gc.get_objects() if isinstance(o, Feed) and o._console is console]


def test_a_lost_socket_greys_the_page_and_a_new_one_wakes_it():
    async def body(b):
        await b.text("#s1-Lbl", "ready")
        port = b.page_server.port
        sessions = b.page_server.access
        await b.page_server.close()
        await playwright.expect(b.page.locator("body")).to_have_class("lost", timeout=4000)
        await playwright.expect(b.page.locator("#banner")).to_contain_text("No connection")
        await b.picture("lost")
        b.page_server = Page(Seams().rng, port)
        b.page_server.access = sessions
        b.page_server.add(b.stage.console)
        await b.page_server.start()
        await playwright.expect(b.page.locator("#banner")).to_be_hidden(timeout=8000)
        await b.page.locator("#s1-BtnGo").click()
        await b.text("#s1-Lbl", "pressed 1")

    run(body)


def test_opening_from_the_list_closing_and_messages():
    async def body(b):
        stage = b.stage
        await b.page.locator("#list .entry", has_text="S.Other").wait_for()
        stage.reply = opened_reply(object="S.Other", opened=HIS + 9, his=HIS + 9, handlers={"L": []})
        await b.page.locator("#filter").fill("oth")
        await b.page.locator("#list .entry", has_text="S.Other").click()
        await playwright.expect(b.page.locator("#tabs [aria-selected=true]")).to_have_text("S.Other")
        await b.page.keyboard.press("Alt+1")
        await playwright.expect(b.page.locator("#tabs [aria-selected=true]")).to_have_text("S.Test")
        stage.console.take(visual(ActionId.MESSAGE, HOSTILE, 0, kind=Kind.VISUAL_SET), stage.local)
        await b.text("#messages li:first-child .text", HOSTILE)
        stage.console.take(visual(ActionId.QUERY, "Leave without sending?", True, 0, 20.0), stage.local)
        await b.text("#single-text", "Leave without sending?")
        await b.picture("question")
        await b.page.locator("#single button", has_text="No").first.click()
        await playwright.expect(b.page.locator("#single")).to_be_hidden()
        await b.page.locator("[aria-label='Close S.Other']").click()
        await playwright.expect(b.page.locator(".tab")).to_have_count(1)
        b.clean()

    run(body)


@pytest.mark.parametrize("payload", [
    HOSTILE, "<svg onload=alert(1)>", "</text><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "]]><script>alert(1)</script>",
    "\u202e<script>", "{{constructor.constructor('alert(1)')()}}", "url(javascript:alert(1))"])
def test_hostile_texts_stay_texts(payload):
    async def body(b):
        b.stage.console.take(visual(F.HI_SETTEXT, REF["Lbl"], payload, kind=Kind.VISUAL_SET), b.stage.local)
        b.stage.console.take(visual(F.HI_SETTEXT, REF["BtnGo"], payload, kind=Kind.VISUAL_SET), b.stage.local)
        b.stage.console.take(visual(F.HI_SETTEXT, REF["EdPlate"], payload, kind=Kind.VISUAL_SET), b.stage.local)
        b.stage.console.take(visual(ActionId.MESSAGE, payload, 0, kind=Kind.VISUAL_SET), b.stage.local)
        await playwright.expect(b.page.locator("#s1-EdPlate input")).to_have_value(payload)
        assert await b.page.locator("#s1-Lbl").text_content() == payload
        assert await b.page.title() == "WS1.HIP"
        assert await b.page.locator("script").count() == 1
        b.clean()

    run(body)


def demo_stage():
    """The demo's picture with values as they come from the plant."""
    folder = Path(__file__).parents[2] / "python/hisee/demo/app/pictures/S.PumpStation"
    reply = opened_reply(object="S.PumpStation", picture=(folder / "picture.toml").read_bytes(), svg=(folder / "picture.svg").read_bytes(),
                         handlers={"L": ["BtnApply_OnClick"], "R": []}, objects={})
    return Stage(reply)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_demo_picture(scheme):
    async def body(b):
        b.stage.console.latency_ms.update(L=0.12, R=5.24)
        b.stage.console.desk.note("24 setpoints stored", "S.PumpStation")
        await b.page.locator("#s1-BtnApply").wait_for()
        await playwright.expect(b.page.locator("#chip-R .figure")).to_have_text("5.2 ms")
        assert await b.page.locator("foreignObject input").count() == 24
        await b.picture(f"demo-{scheme}")
        b.clean()

    run(body, demo_stage, color_scheme=scheme)


