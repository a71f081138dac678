"""`ps` of many pictures: put together in pieces, true of one moment; and the same list however it is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hisee.channel.listed import processes
from hisee.channel.payloads import Processes, PsGet, Table, pack, unpack
from hisee.schema.messages import MessageKind as Kind
from hisee.server import listing
from support.stage import Actor, Stage, eventually, stage

COUNT = 30
MOVING = ("sent", "received", "memory_bytes", "server_time", "busy_1m", "busy_10m", "busy_60m", "time_difference_ms")


def run(body: Any) -> None:
    async def played() -> None:
        async with stage() as made:
            await body(made)

    asyncio.run(played())


async def crowd(made: Stage) -> tuple[Any, Actor]:
    ses, hip = await made.ses("A"), await made.log_on("HIP", "WS1")
    for _ in range(COUNT):
        await made.open(hip)
    await eventually(lambda: hip.kinds().count(Kind.REMOTE_UP) == COUNT, "all run")
    return ses, hip


async def brief(actor: Actor) -> list[dict[str, Any]]:
    return processes(unpack(Processes, await actor.ask(Kind.PS_GET, pack(PsGet(brief=True)))))


def still(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in MOVING} for row in rows]


def test_the_brief_list_says_what_the_whole_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK", 7)

    async def body(made: Stage) -> None:
        _, hip = await crowd(made)
        whole = unpack(Table, await hip.ask(Kind.PS_GET)).rows
        found = await brief(hip)
        assert len(found) == 2 * COUNT + 3 and [row["name"] for row in found] == sorted(row["name"] for row in found)
        assert all(row["channel"]["state"] == "open" for row in found if row["kind"] == "SEE")
        assert still(found) == still(whole)
        real = processes(unpack(Processes, await hip.ask(Kind.PS_GET, pack(PsGet(virtual=False)))))
        assert [row["name"] for row in real] == ["A.SES", "SRV1.KNL", "WS1.HIP"]

    run(body)


@pytest.mark.req("R28")
def test_remote_parts_vanish_in_one_step_also_from_a_list_that_was_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause behind every row; the script server ends and a picture opens while the list is made."""
    monkeypatch.setattr(listing, "PIECE_NS", 0)

    async def body(made: Stage) -> None:
        ses, hip = await crowd(made)
        monkeypatch.setattr(made.knl.opening, "start_remote", lambda opened: None)
        asked = asyncio.ensure_future(brief(hip))
        while not made.knl.overview._listing.begun:
            await asyncio.sleep(0)
        ses.end()
        late = await made.open(hip)
        rows = await asked
        assert not [row for row in rows if row["kind"] == "SEE"]
        assert late.his_name in [row["name"] for row in rows] and len([row for row in rows if row["kind"] == "HIS"]) == COUNT + 1

    run(body)


def test_others_get_their_turn_while_a_list_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PIECE_NS", 0)

    async def body(made: Stage) -> None:
        _, hip = await crowd(made)
        for kind in (Kind.PS_GET, Kind.ROUTES_GET):
            turns, asked = 0, asyncio.ensure_future(hip.ask(kind))
            while not asked.done():
                await asyncio.sleep(0)
                turns += 1
            assert turns >= COUNT, kind.name

    run(body)
