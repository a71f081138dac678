"""What the functions' cases find outside: a folder with files, a web server on this computer, an environment."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hisee._core.library import Zone
from hisee.script.functions import Rules, Site
from hisee.script.world import zone

from .host import World, known_objects

PROGRAMS = ("/bin/echo", "/bin/false", "/bin/sleep")
SLOW_S = 1.0


class LocalWorld(World):
    """The world of the host's tests, in Bratislava."""

    zone = zone("Europe/Bratislava")

    def find_zone(self, name: str) -> Zone | None:
        return zone(name)


def fill(folder: Path) -> None:
    """Files, folders, and what must not be reached: a link out, a closed name, a pipe."""
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "empty.txt").write_text("")
    (folder / "long.txt").write_text("x" * 100_001)
    (folder / "bytes.bin").write_bytes(b"\xa1")
    (folder / "secret.key").write_text("secret")
    (folder / "d.xml").write_text("<plant/>")
    (folder / "link").symlink_to("/etc")
    (folder / "sub").mkdir()
    (folder / "full").mkdir()
    (folder / "full/x.csv").write_text("")
    (folder / "full/y.csv").write_text("")
    os.mkfifo(folder / "pipe")


class Pages(BaseHTTPRequestHandler):
    """/ok, /echo, /slow, /long, /none, and redirects: /here inside, /away to a host that is not listed, /loop without end."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path
        if path in TARGETS:
            self._send(302, b"", ("Location", TARGETS[path]))
        elif path == "/ok":
            self._send(200, "žluť".encode(), ("X-Plant", "north"))
        elif path == "/echo":
            self._send(200, "".join(f"{k.lower()}: {v}\n" for k, v in self.headers.items()).encode() + body)
        elif path == "/long":
            self._send(200, b"x" * 20_000)
        elif path == "/slow":
            time.sleep(SLOW_S)
            self._send(200, b"late")
        else:
            self._send(404, b"")

    do_POST = do_GET

    def _send(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body))), ("Content-Type", "text/plain; charset=utf-8")):
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            return  # the one who asked did not wait

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


TARGETS = {"/here": "/ok", "/away": "http://example.org/", "/loop": "/loop"}


@contextmanager
def pages() -> Iterator[int]:
    """Port of the web server."""
    server = ThreadingHTTPServer(("localhost", 0), Pages)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def site(folder: Path, port: int) -> Site:
    rules = Rules(files=str(folder), deny=("*.key",), hosts=(f"localhost:{port}",), programs=PROGRAMS, environment=("HISEE_CASE",),
                  parameters={"plant": "north"})
    return Site(rules=rules, limits={"http_bytes": 10_000, "handles": 2_000}, system="PLANT", version="1.2.3", host="testhost",
                objects=known_objects, processes=lambda: [{"number": 301}])
