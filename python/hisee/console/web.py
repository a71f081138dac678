"""The operator's page over HTTP on loopback: static files, one WebSocket per page. Runs inside the hip process's event loop.

Every request proves three things before anything is looked at: Host is this very address, the WebSocket's Origin too, and a
session cookie, which only the one-time token of the address gives.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator
from importlib import resources
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from hisee.channel import RequestFailed
from hisee.console.access import Access
from hisee.console.api import Api, Ask
from hisee.console.console import Console, OperatorError
from hisee.console.feed import Feed
from hisee.console.inputs import Input, Pictures, Snapshot, carry_out
from hisee.seams import Rng

log = logging.getLogger("hisee.console.web")
FILES = {"index.html": "text/html; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "svg.js": "text/javascript; charset=utf-8",
         "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
PAGES = 32  # open pages per hip process
INPUT_BYTES = 256 * 1024
AT_ONCE = 8  # inputs of one page that are being carried out
FORBIDDEN, TOO_MANY = 4403, 4429

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
                               "base-uri 'none'; form-action 'none'; object-src 'none'; frame-ancestors 'none'; "
                               "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
USED = "This address was used already or is not complete. Ask for a fresh one: `hisee ps` or the start of the console prints it.\n"


class Guard:
    """Outermost layer: Host and Origin are this address, and every answer carries the protecting headers."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and not self._same_origin(HTTPConnection(scope)):
            await send({"type": "websocket.close", "code": FORBIDDEN})
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        known = HTTPConnection(scope).headers.getlist("host")
        if len(known) != 1 or known[0] not in self._hosts:
            await Response("not the address of this console\n", 421)(scope, receive, with_headers)
        else:
            await self._app(scope, receive, with_headers)

    def _same_origin(self, connection: HTTPConnection) -> bool:
        hosts, origins = connection.headers.getlist("host"), connection.headers.getlist("origin")
        return len(hosts) == 1 and hosts[0] in self._hosts and origins == [f"http://{hosts[0]}"]


class Page:
    """Web server of one hip process with its consoles."""

    def __init__(self, rng: Rng, port: int = 0, ask: Ask | None = None) -> None:
        """Binds the port on loopback at once; raises OSError when it is taken. `ask` reaches the server, for the JSON API."""
        self._socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self.port = self._socket.getsockname()[1]
        self.access = Access(rng)
        self.consoles: dict[str, Console] = {}  # by name without suffix
        self._api = Api(ask, self._signed_in).routes() if ask is not None else []
        self._pages = 0
        self._server: _Embedded | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address to open once; every call gives a token that is still good."""
        return f"http://127.0.0.1:{self.port}/?token={self.access.token}"

    def add(self, console: Console) -> None:
        self.consoles[console.name.rsplit(".", 1)[0]] = console

    @property
    def _cookie(self) -> str:
        """Cookies know no port: each hip process of this computer needs a name of its own."""
        return f"hisee-{self.port}"

    # -- life

    def app(self) -> ASGIApp:
        routes = [Route("/", self._front), Route("/c/{name}", self._index), Route("/static/{name}", self._file),
                  WebSocketRoute("/c/{name}/ws", self._websocket), *self._api]
        return Guard(Starlette(routes=routes), frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"}))

    async def start(self) -> None:
        """Serve until `close`; returns once requests are answered."""
        config = uvicorn.Config(self.app(), log_config=None, access_log=False, lifespan="off", ws="websockets-sansio",
                                ws_max_size=INPUT_BYTES, ws_per_message_deflate=False, server_header=False, date_header=False,
                                h11_max_incomplete_event_size=16 * 1024, limit_concurrency=256, timeout_graceful_shutdown=1)
        self._server = _Embedded(config)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            self._server.over.set()
            await asyncio.gather(self._task, return_exceptions=True)
            self._server = None
        self._socket.close()

    # -- pages

    def _signed_in(self, connection: HTTPConnection) -> bool:
        return self.access.known(connection.cookies.get(self._cookie, ""))

    async def _front(self, request: Request) -> Response:
        """`/?token=...` gives the session; then the address without it, so that no history keeps the token."""
        session = self.access.exchange(request.query_params.get("token", ""))
        if session is None and not self._signed_in(request):
            return Response(USED, 403, media_type="text/plain")
        response = RedirectResponse(f"/c/{next(iter(self.consoles), '')}", 303)
        if session is not None:
            response.set_cookie(self._cookie, session, httponly=True, samesite="strict", path="/")
        return response

    async def _index(self, request: Request) -> Response:
        if not self._signed_in(request):
            return Response(USED, 403, media_type="text/plain")
        if request.path_params["name"] not in self.consoles:
            return Response("no such console\n", 404, media_type="text/plain")
        return _static("index.html")

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if not self._signed_in(request) or name not in FILES or name == "index.html":
            return Response("not found\n", 404, media_type="text/plain")
        return _static(name)

    async def _websocket(self, websocket: WebSocket) -> None:
        console = self.consoles.get(websocket.path_params["name"])
        if console is None or not self._signed_in(websocket):
            await websocket.close(FORBIDDEN)
            return
        if self._pages >= PAGES:
            await websocket.close(TOO_MANY)
            return
        await websocket.accept()
        self._pages += 1
        try:
            await _Session(websocket, console, list(self.consoles)).run()
        finally:
            self._pages -= 1


class _Session:
    """One page on its WebSocket: the feed out, inputs in."""

    def __init__(self, websocket: WebSocket, console: Console, consoles: list[str]) -> None:
        self._websocket, self._console = websocket, console
        self._feed = Feed(console, consoles)
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        sender = asyncio.get_running_loop().create_task(self._feed.run(self._send))
        try:
            while True:
                await self._take(await self._websocket.receive_text())
        except (WebSocketDisconnect, KeyError, RuntimeError):  # closed, or a frame that is no text
            log.debug("a page of %s left", self._console.name)
        finally:
            self._feed.close()
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await self._websocket.close()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send_text(msgspec.json.encode(message).decode())

    async def _take(self, text: str) -> None:
        try:
            wanted = msgspec.json.decode(text, type=Input)
        except msgspec.MsgspecError as error:
            await self._complain(f"not an input: {error}")
            return
        if isinstance(wanted, Snapshot):
            self._feed.resnapshot()
            return
        await self._slots.acquire()
        self._console.soon(self._carry_out(wanted))  # ends even when the page leaves: an opening is never half done

    async def _carry_out(self, wanted: Any) -> None:
        try:
            if isinstance(wanted, Pictures):
                await self._send({"type": "list", "objects": await self._console.pictures()})
            else:
                await carry_out(self._console, wanted)
        except (OperatorError, RequestFailed) as error:
            await self._complain(str(error))
        finally:
            self._slots.release()

    async def _complain(self, text: str) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._send({"type": "complaint", "text": text[:2000]})


def _static(name: str) -> Response:
    content = resources.files("hisee.console").joinpath("page", name).read_bytes()
    return Response(content, headers={"content-type": FILES[name]})


class _Embedded(uvicorn.Server):
    """uvicorn as a guest: signals belong to the process around it, and it sleeps until it is told to end."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()

    async def main_loop(self) -> None:
        """In place of a look ten times a second at what a guest does not need: a date, a number of requests."""
        await self.on_tick(0)
        await self.over.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
