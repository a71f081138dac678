"""Section [scripts] of app.toml: what functions of scripts may reach outside the system."""

from __future__ import annotations

from typing import Any

import msgspec

from hisee.model import forms
from hisee.model.layout import APP_FILE
from hisee.model.problem import BAD_VALUE, Findings, shown

MOST_BYTES = 2048  # of all of it, written as JSON: it is part of each WELCOME, which is one frame of 4096 bytes


def set_facts(form: forms.ScriptsForm) -> dict[str, Any]:
    """Only what is set."""
    return {key: value for key, value in msgspec.structs.asdict(form).items() if value}


def check_scripts(form: forms.ScriptsForm, findings: Findings) -> None:
    """Paths are absolute, so that nothing depends on where a process was started."""
    if form.files and not form.files.startswith("/"):
        findings.error(BAD_VALUE, APP_FILE, "no absolute path", key="scripts.files", value=shown(form.files), hint="like /srv/plant/files")
    for key, listed, like in (("programs", form.programs, "/usr/bin/df"), ("libraries", form.libraries, "/usr/local/lib/libif97.so")):
        for path in listed:
            if not path.startswith("/"):
                findings.error(BAD_VALUE, APP_FILE, "no absolute path", key=f"scripts.{key}", value=shown(path), hint=f"like {like}")
    for host in form.hosts:
        name, _, port = host.partition(":")
        if not name or "/" in host or port and not port.isdecimal():
            findings.error(BAD_VALUE, APP_FILE, "no host", key="scripts.hosts", value=shown(host), hint="name or name:port, without http://")
    size = len(msgspec.json.encode(set_facts(form)))
    if size > MOST_BYTES:
        findings.error(BAD_VALUE, APP_FILE, f"{size} bytes in all, at most {MOST_BYTES}", key="scripts", hint="shorten the lists")
