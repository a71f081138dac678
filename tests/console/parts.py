"""Parts of console tests: a picture, links that remember what was sent, and a console between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hisee._core.values import decode, encode
from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import Opened, Pending, Started, Table, Welcome, pack
from hisee.console.console import Console
from hisee.schema.messages import MessageKind as Kind
from hisee.seams import Seams

PICTURE = b"""
server_script = true
variables = [["_plate", "TEXT"]]
[objects.BtnGo]
kind = "button"
[objects.Lbl]
kind = "text"
[objects.EdPlate]
kind = "entry"
[objects.Box]
kind = "rect"
[objects.Grp]
kind = "group"
[objects.Val]
kind = "text"
bind = "U.Count"
[objects.Plate]
kind = "text"
bind = "_plate"
"""
DRAWING = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300">
<g id="BtnGo"><rect x="10" y="20" width="80" height="30" rx="3" fill="#d5d9dd" stroke="#555f68"/>
<text x="50" y="40" text-anchor="middle">Go</text></g>
<text id="Lbl" x="120" y="40" fill="#222222">ready</text>
<rect id="EdPlate" x="10" y="70" width="120" height="26"/>
<rect id="Box" x="10" y="120" width="40" height="40" fill="#888888"/>
<g id="Grp"><circle cx="100" cy="140" r="20"/></g>
<text id="Val" x="200" y="140">?</text>
<text id="Plate" x="200" y="170"/>
</svg>"""
REF = {"BtnGo": 1, "Lbl": 2, "EdPlate": 3, "Box": 4, "Grp": 5, "Val": 6, "Plate": 7}
HIS, SEE, HIP, COUNT = 2**30, 2**30 + 1, 77, 501


class FakeLink:
    """A link that remembers; `answers` maps a kind to what `ask` gives: bytes, an exception, or a function of the message."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.asked: list[Message] = []
        self.answers: dict[int, Any] = {}
        self.shapes: list[Any] = []
        self.shaped = True
        self.rows: list[dict[str, Any]] = []

    def send(self, message: Message) -> bool:
        self.sent.append(message)
        return True

    async def ask(self, message: Message, timeout_s: float) -> Message:
        self.asked.append(message)
        answer = self.answers.get(message.kind, b"")
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(message)
        if asyncio.iscoroutine(answer):
            answer = await asyncio.wait_for(answer, timeout_s)
        if isinstance(answer, Exception):
            raise answer
        return Message(kind=Kind.REPLY, payload=answer, corr=message.corr)

    def reshape(self, shape: Any) -> bool:
        self.shapes.append(shape)
        return self.shaped

    def crossed(self, about: set[int], since_ns: int) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["at_ns"] >= since_ns]

    def of(self, kind: Kind) -> list[Message]:
        return [m for m in self.sent if m.kind == kind]

    def events(self) -> list[list[Any]]:
        return [decode(m.payload) for m in self.of(Kind.PICTURE_EVENT)]


def opened_reply(**changes: Any) -> Opened:
    facts: dict[str, Any] = {
        "object": "S.Test", "version": 3, "opened": HIS, "picture": PICTURE, "svg": DRAWING, "local_unit": "aa", "his_name": "WS1_1.HIS",
        "his": HIS, "variables": [["_plate", "TEXT"]], "objects": {"U.Count": COUNT},
        "handlers": {"L": ["BtnGo_OnClick", "OnClick", "EdPlate_OnTextChange", "OnTimer", "OnClose"], "R": ["OnClick", "OnTimer"]}}
    return Opened(**{**facts, **changes})


class Stage:
    """A console with both links, and an open picture."""

    def __init__(self, reply: Opened | None = None) -> None:
        self.local, self.server = FakeLink(), FakeLink()
        self.reply = reply or opened_reply()
        self.server.answers[Kind.OPEN] = lambda _: pack(self.reply)
        self.server.answers[Kind.OBJECT_LIST] = pack(Table(rows=[{"name": n, "type": "picture"} for n in ("S.Test", "S.Other")]))
        self.server.answers[Kind.CONSOLE_ADD] = pack(Welcome(name="WS2.HIP", number=78))
        self.local.answers[Kind.HIS_START] = pack(Started(number=HIS))
        for link in (self.local, self.server):
            link.answers[Kind.SETTLE_GET] = pack(Pending(waiting=0, handled=0))
        self.console = Console("WS1.HIP", HIP, self.local, self.server, Seams())

    async def open(self) -> Any:
        return await self.console.open("S.Test")


def visual(number: int, *arguments: Any, kind: Kind = Kind.VISUAL, source: int = HIS) -> Message:
    return Message(kind=kind, lane=2, source=source, target=HIP, object=HIS, corr=9, payload=encode([number, *arguments]),
                   wants_answer=kind == Kind.VISUAL)


def failure(error: int, text: str = "no") -> RequestFailed:
    return RequestFailed(error, 0, text)
