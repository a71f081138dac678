"""Reading test scripts: the comments that say what must come out.

    ; expect: text              one line of the log, in order
    ; expect error: ESL1234     an error; behind an action: on this line
    ; expect warning: ESL1234   the same for a warning
    ; expect failure: _ERR_NAME the run ends with this error; behind an action: on this line
    ; kind: picture             the object's kind (default script); ; part: 2 = the remote part
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
COMMENT = re.compile(r";\s*(expect(?: error| warning| failure)?|kind|part):\s*(.*?)\s*$")


@dataclass
class Expectations:
    lines: list[str] = field(default_factory=list)
    found: list[tuple[str, int]] = field(default_factory=list)  # code, line or 0
    failure: tuple[str, int] | None = None
    kind: str = "script"
    part: int = 1


def expectations(text: str) -> Expectations:
    wanted = Expectations()
    for number, line in enumerate(text.split("\n"), 1):
        match = COMMENT.search(line)
        if not match:
            continue
        word, value = match.groups()
        place = number if line[: match.start()].strip() else 0
        if word == "expect":
            wanted.lines.append(value)
        elif word == "expect failure":
            wanted.failure = (value, place)
        elif word in ("kind", "part"):
            setattr(wanted, word, int(value) if word == "part" else value)
        else:
            wanted.found.append((value, place))
    return wanted


def files(folder: str) -> list[Path]:
    return sorted((HERE / folder).glob("*.esl"))
