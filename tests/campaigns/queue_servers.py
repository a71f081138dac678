"""What the comparison of queues needs around it: PostgreSQL, Redis and the peers' own environment."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support import postgres

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / "build" / "peers"
PACKAGES = ("huey", "pgqueuer", "procrastinate", "dramatiq", "celery", "redis", "psycopg[binary,pool]")
READY_S = 30.0


def peer_python() -> str:
    """The interpreter of the peers' environment; made at the first call, with pip."""
    python, stamp = VENV / "bin" / "python", VENV / "made"
    if not stamp.exists():
        print(f"making {VENV.relative_to(ROOT)} with {', '.join(PACKAGES)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", *PACKAGES], check=True, stdout=sys.stderr)
        stamp.touch()
    return str(python)


class Servers:
    """Started when the first case needs them, ended with the `with`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._postgres: postgres.PostgresServer | None = None
        self._redis: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._postgres is not None:
            self._postgres.end()
        if self._redis is not None:
            self._redis.kill()
            self._redis.wait()

    @staticmethod
    def missing(store: str) -> str:
        """Why this medium cannot be had here; "" = it can."""
        if store == "postgres":
            return postgres.missing()
        if store == "redis" and shutil.which("redis-server") is None:
            return "no redis-server; as root: apt-get install -y --no-install-recommends redis-server"
        return ""

    @contextlib.contextmanager
    def place(self, store: str) -> Any:
        """An empty place for one run of one case: a folder, a database, an emptied Redis. Gone afterwards."""
        name = f"queue{next(self._numbers)}"
        if store == "sqlite":
            folder = self._folder / name
            folder.mkdir(mode=0o700)
            yield str(folder)
            shutil.rmtree(folder)
        elif store == "postgres":
            server = self.postgres()
            yield server.database(name)
            server.drop(name)
        else:
            yield self._empty_redis()

    def postgres(self) -> postgres.PostgresServer:
        if self._postgres is None:
            self._postgres = postgres.PostgresServer(autovacuum="on", max_connections="100")
        return self._postgres

    def server_pids(self, store: str) -> list[int]:
        """The processes that write for this medium, apart from the case's own."""
        if store == "redis":
            self._empty_redis()
            assert self._redis is not None
            return [self._redis.pid]
        if store == "sqlite":
            return []
        pid = self.postgres().pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def _empty_redis(self) -> str:
        if self._redis is None:
            self._port = postgres.free_port()
            command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always",
                       "--save", "", "--dir", str(self._folder)]
            with open(self._folder / "redis.log", "wb") as log:
                self._redis = subprocess.Popen(command, stdout=log, stderr=log)
            patiently(lambda: self.redis("PING") == "PONG", "Redis answers")
        self.redis("FLUSHALL")
        return f"redis://127.0.0.1:{self._port}/0"

    def redis(self, *words: str) -> str:
        done = subprocess.run(["redis-cli", "-p", str(self._port), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()


def patiently(condition: Callable[[], bool], what: str, seconds: float = READY_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {seconds} s: {what}")
        time.sleep(0.02)
