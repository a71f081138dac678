"""A real PostgreSQL server for tests and campaigns: in a temporary directory, with fsync, ended by its own pid."""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

READY_S = 60.0
STOP_S = 60.0
PASSWORD = secrets.token_hex(16)  # a server accepts only the process that started it (and root, over the socket)
CALM = {"autovacuum": "off", "wal_level": "replica", "max_wal_size": "512MB"}


@functools.cache
def binaries() -> Path | None:
    """Folder of `postgres` and `initdb`: the newest version that Debian installed, else that of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None


def missing() -> str:
    """Why no server can run here; "" when one can."""
    if binaries() is None:
        return "no PostgreSQL server is installed (package postgresql; `./hisee test` installs it)"
    if os.getuid() == 0 and account() is None:
        return "the server refuses to run as root and this computer has no user `postgres`"
    return ""


@functools.cache
def account() -> pwd.struct_passwd | None:
    """The user that the server runs as; None = the user of this process."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


class PostgresServer:
    """One server with one database `hisee`. `url` goes over loopback, `socket_url` over its Unix socket."""

    def __init__(self, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hisee-pg-"))
        self.port = free_port()
        self._settings = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": str(self.folder),
                          "fsync": "on", "synchronous_commit": "on", "shared_buffers": "64MB"} | CALM | settings
        self._child: subprocess.Popen[bytes] | None = None
        try:
            self._make()
            self.start()
        except BaseException:
            self.end()
            raise

    @property
    def url(self) -> str:
        return f"postgresql://hisee:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    @property
    def socket_url(self) -> str:
        return f"postgresql://hisee@/postgres?host={self.folder}&port={self.port}"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def database(self, name: str) -> str:
        """URL of a new, empty database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload]
        return self.url.removesuffix("/postgres") + f"/{name}"

    def drop(self, name: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[call-overload]

    def start(self) -> None:
        """Start the postmaster on the directory as it is, after a kill too, and wait until it answers."""
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        with open(self.folder / "log", "ab") as log:
            self._child = self._spawn([str(self._program("postgres")), "-D", str(self.folder / "data"), *options], log)
        deadline = time.monotonic() + READY_S
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text(errors='replace')}")
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL of the postmaster and, after it, of every process that it had: as if the computer had stopped."""
        assert self._child is not None
        workers = self._workers()
        self._child.kill()
        self._child.wait()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in workers:
            wait_gone(pid)

    def stop(self, number: int = signal.SIGINT) -> None:
        """Fast shutdown: open transactions are rolled back. With SIGQUIT at once, and the next start recovers."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(number)
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def end(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        user = account()
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if user is not None:
            os.chown(secret, user.pw_uid, user.pw_gid)
        command = [str(self._program("initdb")), "-D", str(self.folder / "data"), "-U", "hisee", f"--pwfile={secret}", "--auth-local=trust",
                   "--auth-host=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        with open(self.folder / "log", "wb") as log:
            code = self._spawn(command, log).wait(READY_S)
        assert code == 0, (self.folder / "log").read_text(errors="replace")

    def _spawn(self, command: list[str], log: object) -> subprocess.Popen[bytes]:
        user = account()
        identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,  # type: ignore[call-overload, no-any-return]
                                env=environment, start_new_session=True, **identity)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _workers(self) -> list[int]:
        return [int(p) for p in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def _program(self, name: str) -> Path:
        folder = binaries()
        assert folder is not None
        return folder / name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_gone(pid: int, seconds: float = STOP_S) -> None:
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


@contextlib.contextmanager
def postgres_server(**settings: str) -> Iterator[PostgresServer]:
    """A server for the length of a `with`."""
    server = PostgresServer(**settings)
    try:
        yield server
    finally:
        server.end()
