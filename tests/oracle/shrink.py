"""The shortest script that still shows a difference: lines are left out as long as that holds."""

from __future__ import annotations

from collections.abc import Callable

from .compare import Different, Refused, check


def differs(text: str) -> bool:
    try:
        check(text)
    except Different:
        return True
    except Refused:
        return False
    except Exception:
        return False  # another kind of trouble: not the one that is looked for
    return False


def shrunk(text: str, still: Callable[[str], bool] = differs) -> str:
    """Blocks of lines are left out, in halves down to single lines; then the remaining blocks lose their frame."""
    lines = text.rstrip("\n").split("\n")
    size = max(1, len(lines) // 2)
    while True:
        smaller = without(lines, size, still)
        if len(smaller) == len(lines) and size == 1:
            return "\n".join(lines) + "\n"
        size = max(1, size // 2) if len(smaller) == len(lines) else size
        lines = smaller


def without(lines: list[str], size: int, still: Callable[[str], bool]) -> list[str]:
    at = 0
    while at < len(lines):
        fewer = lines[:at] + lines[at + size:]
        if still("\n".join(fewer) + "\n"):
            lines = fewer
        elif (unframed := frame_left_out(lines, at)) and still("\n".join(unframed) + "\n"):
            lines = unframed
        else:
            at += size
    return lines


def frame_left_out(lines: list[str], at: int) -> list[str] | None:
    """The lines without the opener of a block at this line and without its closer, which has the same indent."""
    word = lines[at].split()[0] if lines[at].split() else ""
    closers = {"IF": "ENDIF", "FOR": "END_LOOP", "DO_LOOP": "END_LOOP"}
    if word not in closers:
        return None
    indent = len(lines[at]) - len(lines[at].lstrip())
    for end in range(at + 1, len(lines)):
        if lines[end].strip() == closers[word] and len(lines[end]) - len(lines[end].lstrip()) == indent:
            return lines[:at] + lines[at + 1:end] + lines[end + 1:]
    return None
