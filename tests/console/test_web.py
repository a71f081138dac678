"""The page's door: token, cookie, Host, Origin, headers, files; snapshot, changes and gaps over a real socket and a real server."""

import asyncio
import json

import httpx
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hisee.console.web import HEADERS, Page
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams

from .parts import HIS, REF, Stage


class Served:
    """A console with an open picture behind a real page server."""

    async def __aenter__(self):
        self.stage = Stage()
        self.opened = await self.stage.open()
        self.page = Page(Seams().rng)
        self.page.add(self.stage.console)
        await self.page.start()
        self.base = f"http://127.0.0.1:{self.page.port}"
        self.http = httpx.AsyncClient(base_url=self.base)
        return self

    async def __aexit__(self, *_):
        await self.http.aclose()
        await self.page.close()

    async def sign_in(self):
        answer = await self.http.get(self.page.url)
        return answer.headers["set-cookie"].split(";")[0]

    def socket(self, cookie, origin="", **options):
        headers = {"Cookie": cookie} if cookie else {}
        url = self.base.replace("http", "ws") + "/c/WS1/ws"
        return websockets.connect(url, additional_headers=headers, origin=origin or self.base, proxy=None, **options)


def run(body):
    async def with_page():
        async with Served() as served:
            await body(served)

    asyncio.run(with_page())


async def heard(socket, kind="changes", with_key=None):
    """The next message of that type (that holds a key)."""
    async with asyncio.timeout(10):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == kind and (with_key is None or with_key in message):
                return message


# -- who gets in


def test_the_token_opens_once_and_becomes_a_cookie():
    async def body(served):
        url = served.page.url
        first = await served.http.get(url)
        assert first.status_code == 303 and first.headers["location"] == "/c/WS1"
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower() and "path=/" in cookie.lower()
        assert "token" not in cookie
        async with httpx.AsyncClient() as other:
            assert (await other.get(url)).status_code == 403
            assert (await other.get(served.page.url)).status_code == 303
        assert (await served.http.get("/c/WS1")).status_code == 200

    run(body)


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=00", "/c/WS1", "/static/app.js", "/static/style.css", "/c/WS1?token=1"])
def test_nothing_is_shown_without_a_session(path):
    async def body(served):
        answer = await served.http.get(path)
        assert answer.status_code in (403, 404)
        assert "script" not in answer.text

    run(body)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "[::1]:80", ""])
def test_another_host_name_is_not_served(host):
    async def body(served):
        cookie = await served.sign_in()
        answer = await served.http.get("/c/WS1", headers={"Host": host, "Cookie": cookie})
        assert answer.status_code in (400, 421)
        assert answer.headers.get("x-content-type-options", "nosniff") == "nosniff"

    run(body)


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "https://127.0.0.1", "http://127.0.0.1", "http://127.0.0.1:1"])
def test_a_socket_from_another_origin_is_refused(origin):
    async def body(served):
        cookie = await served.sign_in()
        with pytest.raises(InvalidStatus) as caught:
            async with served.socket(cookie, origin):
                pass
        assert caught.value.response.status_code == 403

    run(body)


def test_a_socket_without_cookie_or_origin_is_refused():
    async def body(served):
        cookie = await served.sign_in()
        for connect in (served.socket(""), served.socket("hisee-0=1"), served.socket(cookie.replace("=", "=0"))):
            with pytest.raises(InvalidStatus):
                async with connect:
                    pass
        url = served.base.replace("http", "ws") + "/c/WS1/ws"
        with pytest.raises(InvalidStatus):
            async with websockets.connect(url, additional_headers={"Cookie": cookie}, proxy=None):
                pass

    run(body)


@pytest.mark.parametrize("path", ["/c/WS1", "/static/app.js", "/static/svg.js", "/static/style.css", "/nothing", "/"])
def test_every_answer_carries_the_protecting_headers(path):
    async def body(served):
        answer = await served.http.get(path, headers={"Cookie": await served.sign_in()})
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
        assert "server" not in answer.headers

    run(body)


@pytest.mark.parametrize("name", ["index.html", "..%2fweb.py", "../web.py", "%2e%2e/web.py", "", ".git", "app.js.map", "app.js%00"])
def test_only_the_files_of_the_page_are_served(name):
    async def body(served):
        cookie = await served.sign_in()
        answer = await served.http.get(f"/static/{name}", headers={"Cookie": cookie})
        assert answer.status_code == 404
        assert "import" not in answer.text

    run(body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_no_request_but_get_does_anything(method):
    async def body(served):
        answer = await served.http.request(method, "/c/WS1", headers={"Cookie": await served.sign_in()})
        assert answer.status_code == 405

    run(body)


def test_the_page_has_no_inline_code():
    async def body(served):
        text = (await served.http.get("/c/WS1", headers={"Cookie": await served.sign_in()})).text
        assert "style=" not in text and "onclick" not in text and "<style" not in text and "<script>" not in text

    run(body)


# -- what a page is told and may say


def test_snapshot_changes_and_the_way_out_of_a_gap():
    async def body(served):
        async with served.socket(await served.sign_in()) as socket:
            first = await heard(socket, "snapshot")
            served.opened.picture.set(REF["Lbl"], "text", "one")
            change = await heard(socket, with_key="items")
            assert change["from"] == first["sequence"] and change["items"] == [[1, "Lbl", "text", "one"]]
            served.opened.picture.set(REF["Lbl"], "text", "lost on the way")
            await heard(socket, with_key="items")
            await socket.send(json.dumps({"type": "snapshot"}))
            again = await heard(socket, "snapshot")
            assert again["sequence"] == served.stage.console.log.sequence
            assert again["pictures"][0]["items"]["Lbl"]["text"] == "lost on the way"

    run(body)


def test_a_quiet_page_hears_a_tick_well_before_it_turns_grey():
    async def body(served):
        async with served.socket(await served.sign_in()) as socket:
            await heard(socket, "snapshot")
            tick = await heard(socket)
            assert tick["from"] == tick["to"] and set(tick) == {"type", "from", "to"}

    run(body)


def test_inputs_reach_the_scripts():
    async def body(served):
        async with served.socket(await served.sign_in()) as socket:
            await heard(socket, "snapshot")
            await socket.send(json.dumps({"type": "click", "opened": HIS, "id": "BtnGo"}))
            await socket.send(json.dumps({"type": "enter", "opened": HIS, "id": "EdPlate", "text": "BA"}))
            assert (await heard(socket, with_key="items"))["items"] == [[1, "EdPlate", "text", "BA"]]
            assert served.stage.local.events() == [["BtnGo_OnClick"], ["EdPlate_OnTextChange"]]
            await socket.send(json.dumps({"type": "pictures"}))
            assert [o["name"] for o in (await heard(socket, "list"))["objects"]] == ["S.Test", "S.Other"]
            await socket.send(json.dumps({"type": "close", "opened": HIS}))
            assert (await heard(socket, "snapshot"))["pictures"] == []

    run(body)


@pytest.mark.parametrize("text", [
    "", "{}", "[1]", "nonsense", '{"type":"click"}', '{"type":"boom"}', '{"type":"click","opened":"1","id":"x"}',
                                  '{"type":"click","opened":1,"id":"x","more":2}', '{"type":"click","opened":1e400,"id":"x"}', "[" * 2000])
def test_rubbish_is_refused_and_the_page_goes_on(text):
    async def body(served):
        async with served.socket(await served.sign_in()) as socket:
            await heard(socket, "snapshot")
            await socket.send(text)
            assert (await heard(socket, "complaint"))["text"]
            await heard(socket)
        assert served.stage.local.events() == []

    run(body)


@pytest.mark.parametrize("data", ["x" * 300_000, b"binary"])
def test_a_frame_too_long_or_of_another_kind_ends_that_page_only(data):
    async def body(served):
        cookie = await served.sign_in()
        async with served.socket(cookie) as socket:
            await heard(socket, "snapshot")
            with pytest.raises(ConnectionClosed):
                await socket.send(data)
                async with asyncio.timeout(10):
                    while True:
                        await socket.recv()
        async with served.socket(cookie) as socket:
            await heard(socket, "snapshot")

    run(body)


def test_compression_is_not_offered():
    async def body(served):
        async with served.socket(await served.sign_in(), compression="deflate") as socket:
            assert not socket.protocol.extensions

    run(body)


def test_pages_are_bounded_and_a_left_one_frees_its_place(monkeypatch):
    monkeypatch.setattr("hisee.console.web.PAGES", 2)

    async def body(served):
        cookie = await served.sign_in()
        async with served.socket(cookie) as one, served.socket(cookie) as two:
            await heard(one, "snapshot")
            await heard(two, "snapshot")
            with pytest.raises(InvalidStatus):
                async with served.socket(cookie):
                    pass
        async with asyncio.timeout(5):
            while served.stage.console.listeners:
                await asyncio.sleep(0.01)
        async with served.socket(cookie) as three:
            await heard(three, "snapshot")

    run(body)


def test_an_open_is_finished_even_when_the_page_leaves():
    async def body(served):
        gate = asyncio.Event()
        reply = served.stage.server.answers[Kind.OPEN]

        async def late(message):
            await gate.wait()
            return reply(message)

        served.stage.server.answers[Kind.OPEN] = lambda message: late(message)
        served.stage.console.opened.clear()
        async with served.socket(await served.sign_in()) as socket:
            await heard(socket, "snapshot")
            await socket.send(json.dumps({"type": "open", "object": "S.Test"}))
            async with asyncio.timeout(5):
                while len(served.stage.server.asked) < 2:
                    await asyncio.sleep(0.01)
        gate.set()
        async with asyncio.timeout(5):
            while not served.stage.console.opened:
                await asyncio.sleep(0.01)

    run(body)
