"""Files of one node of the pair, below DATA/pg: owned by the user that PostgreSQL runs as, renewed at each start; and its commands."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import subprocess
from pathlib import Path
from typing import IO, Any

from hisee.datadir import DataDir
from hisee.errors import AccessRefused, UsageError
from hisee.pair.plan import (
    DATABASE,
    MONITOR_DATABASE,
    MONITOR_USER,
    PASSWORDS,
    REPLICATOR,
    TLS,
    USER,
    Duty,
    has_certificates,
    password_lines,
)
from hisee.pair.programs import account, find_programs
from hisee.process import die_with_parent
from hisee.schema.pair_settings import ROWS as SETTINGS

FOLDER = "pg"
SETTINGS_FILE, OURS = "postgresql.conf", "hisee.conf"
# Whoever reaches the socket is the owner of its folder. The monitor's looks need no logon: a refusal proves life.
ACCESS = {
    "node": ("local all all trust", "local replication all trust",
             f"hostssl {DATABASE} {USER} all scram-sha-256",
             f"hostssl all,replication {REPLICATOR} all scram-sha-256", "host all all all reject"),
    "monitor": ("local all all trust", f"hostssl {MONITOR_DATABASE} {MONITOR_USER} all scram-sha-256", "host all all all reject"),
}
# After a crash one call syncs the file system; file by file (the default) a restart took 5 s.
COMMON = {"recovery_init_sync_method": "syncfs", "password_encryption": "scram-sha-256", "log_statement": "none", "shared_buffers": "128MB",
          "effective_cache_size": "1GB", "work_mem": "4MB", "maintenance_work_mem": "64MB", "log_min_messages": "warning"}


class Home:
    """Paths, environment and files of a duty on this computer. `data` has secret and, when there are any, certificates."""

    def __init__(self, data: DataDir, duty: Duty) -> None:
        self.data, self.duty = data, duty
        self.programs, self.account = find_programs(), account()
        self.folder = data.path / FOLDER / duty.role
        self.pgdata = self.folder / "data"
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:12]
        self.sockets = Path(f"/tmp/hisee-pg-{self.account.pw_uid}-{digest}")  # the path of a socket may have only 108 bytes

    @property
    def created(self) -> bool:
        """Was the node made and known to the monitor once?"""
        return (self.folder / "created").exists()

    def note_created(self) -> None:
        self._write(self.folder / "created", b"")

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of ours leaks into it; passwords are in a file, never on a command line."""
        return {"PATH": f"{self.programs.folder}:{os.defpath}", "HOME": str(self.folder), "LC_ALL": "C.UTF-8", "TZ": "UTC",
                "XDG_RUNTIME_DIR": str(self.folder / "run"), "XDG_CONFIG_HOME": str(self.folder / "config"),
                "XDG_DATA_HOME": str(self.folder / "share"), "PGPASSFILE": str(self.folder / "passwords"),
                "PG_REGRESS_SOCK_DIR": str(self.sockets), "PGHOST": str(self.sockets)}

    # -- files

    def prepare(self) -> None:
        """Folders, passwords, certificates; all but the folder of the sockets (`make_sockets`).

        Raises UsageError where the user that PostgreSQL runs as cannot get to DATA.
        """
        for folder in (self.data.path / FOLDER, self.folder, self.folder / "run", self.folder / "config", self.folder / "share"):
            folder.mkdir(mode=0o700, exist_ok=True)
            self._own(folder)
        self._check_way()
        self._write(self.folder / "passwords", password_lines(self.data, MONITOR_USER, REPLICATOR, USER))
        if has_certificates(self.data.path):
            for name in ("ca.pem", "node.pem", "node.key"):
                self._write(self.folder / name, (self.data.path / TLS / name).read_bytes())

    def settle(self) -> None:
        """Before PostgreSQL starts: who may log on and our settings, whatever the node got from its primary."""
        self.write_access()
        self._write(self.pgdata / OURS, settings_text(self.duty.role).encode())
        main = (self.pgdata / SETTINGS_FILE).read_text()
        if f"include '{OURS}'" not in main:
            self._write(self.pgdata / SETTINGS_FILE, f"{main.rstrip()}\ninclude '{OURS}'\n".encode())

    def write_access(self, *, barred: bool = False) -> None:
        """Who may log on; `barred`: no process of hisee. Holds once PostgreSQL has read it."""
        lines = [line for line in ACCESS[self.duty.role] if not (barred and f" {USER} " in line)]
        self._write(self.pgdata / "pg_hba.conf", "".join(f"{line}\n" for line in lines).encode())

    def living(self) -> list[int]:
        """pids of programs that work in this node's files at this moment: pg_autoctl names them, PostgreSQL stands in them."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if os.fsencode(self.pgdata) in words or os.readlink(folder / "cwd") == str(self.pgdata):
                    found.append(int(folder.name))
        return found

    def forget_pids(self) -> None:
        """After a loss of power another process may have the number in a pid file, and the programs would take it for themselves.

        Only while nobody lives here.
        """
        for path in (self.pgdata / "postmaster.pid", *(self.folder / "run").rglob("pg_autoctl.pid")):
            path.unlink(missing_ok=True)

    def _check_way(self) -> None:
        """Root enters every folder, `postgres` does not."""
        for folder in self.data.path.parents if os.getuid() == 0 else ():
            facts = folder.stat()
            enters = facts.st_mode & stat.S_IXOTH or (facts.st_uid == self.account.pw_uid and facts.st_mode & stat.S_IXUSR)
            if not enters:
                raise UsageError(f"user {self.account.pw_name} cannot enter {folder}, and the database's files are below it",
                                 hint=f"chmod o+x {folder}, or run hisee as a user of its own")

    def make_sockets(self) -> None:
        """The folder of the sockets: private, and gone after a start of the computer. Raises AccessRefused."""
        if not self.sockets.exists():
            self.sockets.mkdir(mode=0o700)
            self._own(self.sockets)
        facts = self.sockets.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != self.account.pw_uid or facts.st_mode & 0o077:
            raise AccessRefused(f"folder {self.sockets} is not private to user {self.account.pw_name}", hint="remove it")

    def _write(self, path: Path, content: bytes) -> None:
        """As a whole, readable by the owner only."""
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        self._own(part)
        os.replace(part, path)

    def _own(self, path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    # -- commands

    def create_words(self) -> list[str]:
        """How pg_autoctl makes the node."""
        duty = self.duty
        words = [str(self.programs.autoctl), "create", "postgres" if duty.role == "node" else "monitor",
                 "--pgctl", str(self.programs.pg_ctl), "--pgdata", str(self.pgdata), "--pgport", str(duty.port),
                 "--hostname", duty.address, "--skip-pg-hba", *self._tls_words()]
        if duty.role == "node":
            words += ["--name", duty.node, "--dbname", DATABASE, "--monitor", self.monitor_address()]
        return words

    def _tls_words(self) -> list[str]:
        if not has_certificates(self.data.path):
            return ["--ssl-self-signed", "--ssl-mode", "require"]
        return ["--ssl-ca-file", str(self.folder / "ca.pem"), "--server-cert", str(self.folder / "node.pem"),
                "--server-key", str(self.folder / "node.key"), "--ssl-mode", "verify-ca"]

    def monitor_address(self) -> str:
        host, port = self.duty.monitor
        tls = f"sslmode=verify-ca&sslrootcert={self.folder / 'ca.pem'}" if has_certificates(self.data.path) else "sslmode=require"
        return f"postgres://{MONITOR_USER}@{f'[{host}]' if ':' in host else host}:{port}/{MONITOR_DATABASE}?{tls}"

    def run_words(self) -> list[str]:
        return [str(self.programs.autoctl), "run", "--pgdata", str(self.pgdata)]

    def promote_words(self) -> list[str]:
        """Ask the monitor for a planned switch to this node."""
        return [str(self.programs.autoctl), "perform", "promotion", "--pgdata", str(self.pgdata), "--name", self.duty.node]

    def spawn(self, words: list[str], out: IO[bytes], **more: str) -> subprocess.Popen[bytes]:
        """Start one of them as its user; it ends with this process."""
        identity: dict[str, Any] = {}
        if os.getuid() == 0:
            identity = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": os.getgrouplist(
                self.account.pw_name, self.account.pw_gid)}
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder, env=self.environment | more,
                                preexec_fn=die_with_parent, start_new_session=True, **identity)


def keep_passwords(data: DataDir) -> None:
    """The file that [engine] url names, for the processes of hisee itself."""
    with open(os.open(data.path / PASSWORDS, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(password_lines(data, USER))


def settings_text(role: str) -> str:
    """hisee.conf: read after everything that pg_autoctl computes, so it holds."""
    lines = [f"{name} = '{value}'" for name, value in COMMON.items()]
    lines += [f"{row.name} = {row.ms}" for row in SETTINGS if row.place == role]
    if role == "monitor":
        lines.append("pgautofailover.health_check_max_retries = 1")
    return "# written by hisee at each start; changes are lost\n" + "".join(f"{line}\n" for line in lines)
