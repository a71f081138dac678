"""dllhost: opens one library by cffi's ABI mode and carries out calls, one at a time. `python -m hisee.external.dllhost --fd N`.

It holds nothing that is worth keeping: whatever the library does to it, its owner starts another one.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from typing import Any

from cffi import FFI

from hisee._ext import set_parent_death_signal, set_thread_name
from hisee.external.declaration import TEXTS, DeclarationError, parsed, word_of
from hisee.external.wire import receive, send
from hisee.values import Invalid

OPENED, FAILED = True, False
LEAST_INT, MOST_INT = -(2**63) + 16, 2**63 - 1  # what INT holds; a number outside is invalid, 2
MOST_TEXT = 8 << 20  # bytes of a text that comes back; the rest of it is cut


class Host:
    """A library, and the headers whose functions are called, by their numbers."""

    def __init__(self, path: str) -> None:
        """Raises OSError for a library that cannot be opened."""
        self._path = path
        FFI().dlopen(path)
        self._headers: list[tuple[FFI, Any]] = []

    def call(self, number: int, header: str | Invalid, name: str, arguments: list[Any]) -> Any:
        """A header comes with its first use. Raises DeclarationError for one that cannot be read, AttributeError for a function that is
        not there, TypeError, ValueError, OverflowError for arguments that do not fit."""
        if isinstance(header, str):
            ffi = parsed(header)
            self._headers[number:] = [(ffi, ffi.dlopen(self._path))]  # the same library: it is opened once
        ffi, library = self._headers[number]
        function = getattr(library, name)
        kind = ffi.typeof(function)
        if kind.kind != "function" or len(kind.args) != len(arguments):
            raise TypeError(f"{name} takes {len(kind.args)} arguments, not {len(arguments)}")
        given = [_given(ffi, wanted, value) for wanted, value in zip(kind.args, arguments, strict=True)]
        return _result(ffi, kind.result, function(*given))


def _given(ffi: FFI, kind: Any, value: Any) -> Any:
    word = word_of(kind)
    if word == "TEXT":
        if not isinstance(value, str) or "\0" in value:
            raise TypeError(f"a text without a zero byte is wanted, not {value!r:.60}")
        return ffi.new("char[]", value.encode())
    if word == "BOOL" and isinstance(value, bool):
        return value
    if word == "REAL" and isinstance(value, (int, float)):
        return float(value)
    if word == "INT" and isinstance(value, int):
        return value if kind.cname != "char" else bytes([value])
    raise TypeError(f"{value!r:.60} is no {kind.cname}")


def _result(ffi: FFI, kind: Any, value: Any) -> Any:
    if kind.cname == "void":
        return Invalid(1, "INT")
    if kind.cname in TEXTS:
        return Invalid(1, "TEXT") if value == ffi.NULL else ffi.string(value, MOST_TEXT).decode("utf-8", "replace")
    if kind.cname == "char":
        return value[0]
    if isinstance(value, int) and not LEAST_INT <= value <= MOST_INT:
        return Invalid(2, "INT")
    return value


def serve(sock: socket.socket) -> None:
    """Until the owner is gone. The first message names the library; every one is answered."""
    (path,) = receive(sock)
    try:
        host = Host(path)
    except OSError as fault:
        send(sock, [FAILED, str(fault)])
        return
    send(sock, [OPENED])
    while True:
        number, header, name, *arguments = receive(sock)
        send(sock, answer(host, number, header, name, arguments))


def answer(host: Host, number: int, header: str | Invalid, name: str, arguments: list[Any]) -> list[Any]:
    try:
        return [OPENED, host.call(number, header, name, arguments)]
    except (DeclarationError, AttributeError, TypeError, ValueError, OverflowError, NotImplementedError) as fault:
        return [FAILED, str(fault)]


def main(argv: list[str]) -> int:
    set_parent_death_signal(signal.SIGKILL)
    set_thread_name("hisee-dllhost")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it is expected to crash
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the owner decides
    sock = socket.socket(fileno=int(argv[argv.index("--fd") + 1]))
    try:
        serve(sock)
    except (EOFError, OSError):
        return 0
    return os.EX_UNAVAILABLE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
