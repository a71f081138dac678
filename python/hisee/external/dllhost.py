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

from cffi import FFI, CDefError
from cffi.error import FFIError

from hisee._ext import set_parent_death_signal, set_thread_name
from hisee.external.wire import receive, send
from hisee.values import Invalid

INTEGERS = {"char", "signed char", "unsigned char", "short", "unsigned short", "int", "unsigned int", "long", "unsigned long", "long long",
            "unsigned long long", "size_t", "ssize_t", *(f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64))}
REALS = ("double", "float")
OPENED, FAILED = True, False


class Host:
    """A library and the functions that its declaration names."""

    def __init__(self, path: str, declaration: str) -> None:
        """Raises OSError for a library that cannot be opened, CDefError or FFIError for a declaration that cannot be read."""
        self._ffi = FFI()
        self._ffi.cdef(declaration)
        self._lib = self._ffi.dlopen(path)

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Raises AttributeError for a function that is not there, TypeError, ValueError, OverflowError for arguments that do not fit."""
        function = getattr(self._lib, name)
        kind = self._ffi.typeof(function)
        if kind.kind != "function" or len(kind.args) != len(arguments):
            raise TypeError(f"{name} takes {len(kind.args)} arguments, not {len(arguments)}")
        given = [self._given(wanted, value) for wanted, value in zip(kind.args, arguments, strict=True)]
        return self._result(kind.result, function(*given))

    def _given(self, kind: Any, value: Any) -> Any:
        if kind.cname in ("char *", "char const *"):
            if not isinstance(value, str) or "\0" in value:
                raise TypeError(f"a text without a zero byte is wanted, not {value!r}")
            return self._ffi.new("char[]", value.encode())
        if kind.cname == "_Bool" and isinstance(value, bool):
            return value
        if kind.cname in REALS and isinstance(value, (int, float)):
            return float(value)
        if kind.cname in INTEGERS and isinstance(value, int):
            return value if kind.cname != "char" else bytes([value])
        raise TypeError(f"{value!r} is no {kind.cname}")

    def _result(self, kind: Any, value: Any) -> Any:
        if kind.cname == "void":
            return Invalid(1, "INT")
        if kind.cname in ("char *", "char const *"):
            return Invalid(1, "TEXT") if value == self._ffi.NULL else self._ffi.string(value).decode("utf-8", "replace")
        if kind.cname == "char":
            return value[0]
        return value


def serve(sock: socket.socket) -> None:
    """Until the owner is gone. The first message names the library; every one is answered."""
    path, declaration = receive(sock)
    try:
        host = Host(path, declaration)
    except (OSError, CDefError, FFIError) as fault:
        send(sock, [FAILED, str(fault)])
        return
    send(sock, [OPENED])
    while True:
        name, *arguments = receive(sock)
        send(sock, answer(host, name, arguments))


def answer(host: Host, name: str, arguments: list[Any]) -> list[Any]:
    try:
        return [OPENED, host.call(name, arguments)]
    except (AttributeError, TypeError, ValueError, OverflowError) as fault:
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
