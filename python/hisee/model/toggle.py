"""What happens to the remote text when the Server Script parameter goes off: it moves, commented out, into the local text.

Every line of the remote text stands behind `; `, between two marker lines. The first one counts the lines, so the block
ends where the count says, whatever the text contains; a text that cannot stand in comments is kept as base64. Nothing is
ever uncommented by itself, and a block whose text is there already is not added again.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from typing import NamedTuple

HEAD = re.compile(r"; >>> hisee remote part: (\d+) lines, sha256 ([0-9a-f]{16})((?:, (?:base64|open|joined))*) >>>\r?\n")
MARK = "; "
_SAFE = re.compile(r"(?:[^\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]|\r?\n)*\Z")  # a lone CR is no line end in ESL


class Commented(NamedTuple):
    """A local text taken apart: what its author wrote, and the remote texts that stand in it as comments."""

    local: str
    remotes: list[str]


def comment_out(local: str, remote: str) -> str:
    """`local` with `remote` commented out at its end; unchanged when that text is empty or already there."""
    if not remote or remote in split(local).remotes:
        return local
    joined = bool(local) and not local.endswith("\n")
    return local + ("\n" if joined else "") + _block(remote, joined)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _digest(text: str) -> str:
    return hashlib.sha256(_bytes(text)).hexdigest()[:16]


def _block(remote: str, joined: bool) -> str:
    flags = [", joined"] if joined else []
    body = remote
    if not _SAFE.match(remote):
        flags.append(", base64")
        body = "\n".join(textwrap.wrap(base64.b64encode(_bytes(remote)).decode(), 100)) + "\n"
    if not body.endswith("\n"):
        flags.append(", open")
        body += "\n"
    lines = body.split("\n")[:-1]
    digest = _digest(remote)
    head = f"; >>> hisee remote part: {len(lines)} lines, sha256 {digest}{''.join(flags)} >>>\n"
    return head + "".join(f"{MARK}{line}\n" for line in lines) + f"; <<< hisee remote part: {digest} <<<\n"


def split(text: str) -> Commented:
    """Take the blocks of `comment_out` out again. A block that somebody edited stays: it is a comment like any other."""
    local = text
    remotes: list[str] = []
    while True:
        # the last block first: the line break that a block added may be the one that the next block stands behind
        found = next((b for m in reversed(list(HEAD.finditer(local))) if (b := _read(local, m)) is not None), None)
        if found is None:
            return Commented(local, remotes)
        remote, start, end = found
        remotes.insert(0, remote)
        local = local[:start] + local[end:]


def _read(text: str, head: re.Match[str]) -> tuple[str, int, int] | None:
    """The remote text of one block and its place, or None when count, marks or digest do not fit."""
    if head.start() and text[head.start() - 1] != "\n":
        return None
    lines = text[head.end() :].split("\n", int(head.group(1)) + 1)
    body, tail = lines[: int(head.group(1))], lines[int(head.group(1)) :]
    if len(tail) < 2 or not all(line.startswith(MARK) for line in body):
        return None
    remote = "".join(f"{line[len(MARK) :]}\n" for line in body)
    flags = head.group(3)
    if "open" in flags:
        remote = remote[:-1]
    if "base64" in flags:
        remote = _text(base64.b64decode(remote))
    if _digest(remote) != head.group(2):
        return None
    end = head.end() + sum(len(line) + 1 for line in body) + len(tail[0]) + 1
    start = head.start() - 1 if "joined" in flags else head.start()
    return remote, start, end


def comment_out_bytes(local: bytes, remote: bytes) -> bytes:
    """`comment_out` for stored parts; bytes that are no UTF-8 survive as well."""
    return _bytes(comment_out(_text(local), _text(remote)))
