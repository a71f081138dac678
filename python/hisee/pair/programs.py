"""The programs of the pair on this computer: pg_autoctl, the PostgreSQL it goes with, and the user they run as."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path
from typing import NamedTuple

from hisee.errors import UsageError

DEBIAN, EXTENSIONS = Path("/usr/lib/postgresql"), Path("/usr/share/postgresql")
EXTENSION = "extension/pgautofailover.control"
ACCOUNT = "postgres"
HINT = "apt-get install pg-auto-failover-cli postgresql postgresql-15-auto-failover (the number is PostgreSQL's version)"


class Programs(NamedTuple):
    autoctl: Path
    folder: Path  # of pg_ctl, postgres, psql

    @property
    def pg_ctl(self) -> Path:
        return self.folder / "pg_ctl"


def find_programs() -> Programs:
    """The newest PostgreSQL that has the extension. Raises UsageError that says what is missing."""
    autoctl = shutil.which("pg_autoctl")
    if autoctl is None:
        raise UsageError("pg_autoctl is not installed: this computer cannot keep a node of the database pair", hint=HINT)
    for folder in sorted(DEBIAN.glob("*/bin"), key=lambda path: _version(path.parent.name), reverse=True):
        if (folder / "pg_ctl").exists() and (EXTENSIONS / folder.parent.name / EXTENSION).exists():
            return Programs(Path(autoctl), folder)
    raise UsageError(f"no PostgreSQL below {DEBIAN} has the extension pgautofailover", hint=HINT)


def _version(text: str) -> int:
    return int(text) if text.isdigit() else 0


def missing() -> str:
    """Why no node of the pair can run here; "" when one can."""
    try:
        find_programs()
        account()
    except UsageError as error:
        return str(error)
    return ""


def account() -> pwd.struct_passwd:
    """The user that the PostgreSQL programs run as: they refuse root. Raises UsageError."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise UsageError(f"PostgreSQL refuses to run as root and this computer has no user {ACCOUNT}", hint=HINT) from None
