"""The answers to clients that look for a group by multicast: over real sockets on loopback, and what gets none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from hisee.channel.discovery import DATAGRAM_BYTES, discover, question, read_answer
from hisee.channel.payloads import ServerState
from hisee.channel.way import Member, Way
from hisee.datadir import DataDir
from hisee.seams import Seams
from hisee.server import program
from hisee.server.responder import AT_ONCE, PER_S, Responder, interfaces, listen
from support.clock import FakeClock

SEAMS, NONCE, GROUP_ADDRESS = Seams(), b"12345678", "224.0.0.55"
DOORS = [["127.0.0.1:3119", "127.0.0.1:3120"]]


def state(node: str, group: str = "plant") -> ServerState:
    return ServerState(group, node, "HS", "hot", 3, node)


def made(node: str = "SRV1", doors: list[list[str]] | None = None, group: str = "plant", clock: FakeClock | None = None) -> Responder:
    return Responder(clock or SEAMS.clock, lambda: state(node, group), lambda: DOORS if doors is None else doors)


def run(body: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30))  # type: ignore[arg-type]


@pytest.mark.req("R75")
def test_two_servers_of_one_computer_answer_a_question_and_nobody_answers_for_another_group() -> None:
    async def body() -> None:
        port = 31_190  # not the one of systems that may run here
        found = [made("SRV1"), made("SRV2")]
        for responder in found:
            await listen(responder, ["127.0.0.1"], port=port)
        members = await asyncio.to_thread(discover, "plant", SEAMS.rng, port=port)
        assert sorted(members) == [Member("SRV1", Way(networks=DOORS)), Member("SRV2", Way(networks=DOORS))]
        assert await asyncio.to_thread(discover, "other", SEAMS.rng, port=port) == []
        assert [r.answered for r in found] == [1, 1] and all(r.ignored for r in found)
        for responder in found:
            responder.close()

    run(body)


@pytest.mark.req("R66", "R75")
@pytest.mark.parametrize("responder", [made(group=""), made(doors=[]), made(group="other"), made(doors=[["h" * 60 + ":3119"] * 16] * 4)],
                         ids=["no group", "no door", "another group", "too long"])
def test_who_has_nothing_to_say_is_silent(responder: Responder) -> None:
    assert responder.reply(question("plant", NONCE)) == b""


@pytest.mark.parametrize("data", [b"", b"\0" * 70_000, question("plant", NONCE)[:100], b"hisee ask 2 ".ljust(DATAGRAM_BYTES, b"\0")])
def test_other_datagrams_are_ignored(data: bytes) -> None:
    responder = made()
    responder.datagram_received(data, ("127.0.0.1", 9))
    assert (responder.answered, responder.ignored) == (0, 1)


def test_a_flood_of_questions_gets_few_answers() -> None:
    clock = FakeClock()
    responder = made(clock=clock)
    told = [responder.reply(question("plant", NONCE)) for _ in range(10 * AT_ONCE)]
    assert sum(bool(each) for each in told) == AT_ONCE
    assert read_answer(told[0], "plant", NONCE) == Member("SRV1", Way(networks=DOORS))
    clock.advance(1_000)
    assert sum(bool(responder.reply(question("plant", NONCE))) for _ in range(10 * AT_ONCE)) == PER_S


def test_only_addresses_of_names_that_are_known() -> None:
    assert interfaces(["127.0.0.1", "127.0.0.1", "no such host.invalid"]) == ["127.0.0.1"]


@pytest.mark.req("R66")
def test_without_multicast_in_the_application_no_socket_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        data = DataDir(tmp_path, SEAMS)
        monkeypatch.setattr(program, "listen", lambda *words: pytest.fail("it listens"))
        (tmp_path / "run.json").write_text(json.dumps({"group": {"name": "plant", "multicast": False, "servers": {}}}))
        assert await program.respond(SimpleNamespace(), data, "SRV1") is None  # type: ignore[arg-type]

    run(body)


def test_a_computer_without_multicast_serves_all_the_same(tmp_path: Path) -> None:
    async def body() -> None:
        data = DataDir(tmp_path, SEAMS)
        (tmp_path / "run.json").write_text(json.dumps({"group": {"name": "plant", "multicast": True,
                                                                 "servers": {"SRV1": {"hosts": ["192.0.2.77"], "cp": [1]}}}}))
        assert await program.respond(SimpleNamespace(grouped=object()), data, "SRV1") is None  # type: ignore[arg-type]

    run(body)
