"""The data directory of one running system: what lies where. Two systems with different directories never meet."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any, TextIO

from hisee.config import make_private, socket_directory
from hisee.errors import AccessRefused, CannotConnect
from hisee.seams import Seams

SECRET_BYTES = 32


class DataDir:
    """Paths and the few small files that every process of a system needs to find the others."""

    def __init__(self, path: str | Path, seams: Seams | None = None) -> None:
        self.path = Path(path).resolve()
        self.seams = seams or Seams()

    @property
    def log_dir(self) -> Path:
        return self.path / "log"

    @property
    def engine_db(self) -> Path:
        return self.path / "engine.db"

    @property
    def values_db(self) -> Path:
        return self.path / "values.db"

    @property
    def outputs(self) -> Path:
        return self.path / "outputs"

    @property
    def socket_dir(self) -> Path:
        """Where the system's sockets are, as its launcher noted: the environment of a command may differ from that of a service."""
        with contextlib.suppress(OSError):
            noted = Path((self.path / "sockets").read_text().strip())
            if noted.is_absolute() and noted.is_dir():
                return noted
        return socket_directory(self.path)

    @property
    def control_socket(self) -> Path:
        return self.socket_dir / "knl"

    def make(self) -> None:
        """Create the directories; raises AccessRefused when the socket directory is not private to this user."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.log_dir.mkdir(exist_ok=True)
        (self.path / "sockets").write_text(f"{make_private(socket_directory(self.path))}\n")

    def secret(self, *, create: bool = False) -> bytes:
        """The system secret; made at the first start, mode 0600."""
        path = self.path / "secret"
        if create and not path.exists():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self.seams.rng.secret(SECRET_BYTES))
        try:
            secret = path.read_bytes()
        except OSError as error:
            raise CannotConnect(f"no system secret in {path}: {error.strerror}", hint="is this the data directory of a system?") from error
        if len(secret) != SECRET_BYTES:
            raise AccessRefused(f"{path} holds {len(secret)} bytes, not {SECRET_BYTES}", hint="restore it from a backup")
        return secret

    def lock(self, command: str) -> TextIO:
        """The lock of the running system, held while the returned file is open; raises AccessRefused naming the holder."""
        path = self.path / "lock"
        file = open(path, "a+")  # noqa: SIM115  (the lock lives as long as the file)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "an unknown process"
            file.close()
            raise AccessRefused(f"data directory {self.path} is in use by {holder}",
                          hint="stop that system with `hisee stop`, or give another directory with --data") from None
        file.truncate(0)
        file.write(f"pid {os.getpid()} ({command})\n")
        file.flush()
        return file

    def write_run(self, facts: dict[str, Any]) -> None:
        self.seams.disk.write(self.path / "run.json", json.dumps(facts, indent=1).encode())

    def read_run(self) -> dict[str, Any]:
        """What the running system wrote at its start; raises CannotConnect when there is none."""
        path = self.path / "run.json"
        try:
            facts: dict[str, Any] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise CannotConnect(f"no system runs in {self.path}", hint="start one with `hisee up APP`, or name it with --data") from error
        return facts

    def ports(self, kind: str, node: str) -> tuple[int, ...]:
        """Port list of a kind of numbered process (cp, wp, jwp) on a node; empty = numbers without ports. CannotConnect as `read_run`."""
        lists: dict[str, dict[str, list[int]]] = self.read_run().get("ports", {})
        return tuple(lists.get(node, {}).get(kind.lower(), ()))

    def engine_url(self) -> str:
        """Where the engine database is; "" = SQLite in this directory. CannotConnect as `read_run`."""
        return str(self.read_run().get("engine", {}).get("url", ""))

    def group(self) -> dict[str, Any]:
        """The redundant group of this system; {} without one. CannotConnect as `read_run`."""
        return dict(self.read_run().get("group", {}))

    def access(self) -> list[dict[str, Any]]:
        """Networks whose clients may log on over TCP; [] = all may. CannotConnect as `read_run`."""
        return list(self.read_run().get("access", []))

    def forget_run(self) -> None:
        """The system has ended: nothing points at it any more, and its empty directory of sockets goes."""
        (self.path / "run.json").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: a process started by hand still holds its socket
            self.socket_dir.rmdir()
