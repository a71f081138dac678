"""Which servers a client asks and whom it believes: plans by start parameters and run.json, the choice, datagrams of discovery."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hisee.channel import discovery
from hisee.channel.discovery import DATAGRAM_BYTES, Server, answer, question, read_answer, read_question
from hisee.channel.epoch import Gate
from hisee.channel.group import Answer, ask_all, choose, left
from hisee.channel.payloads import ServerState, Welcome
from hisee.channel.plan import by_group, plan_of
from hisee.channel.way import Member, Way, members_of
from hisee.cli.start import parse_start
from hisee.errors import CannotConnect, UsageError
from hisee.seams import Seams

SOCKET, RNG = Path("/run/x/knl"), Seams().rng
SERVERS = {"SRV1": {"priority": 3, "hosts": ["10.9.1.2", "10.8.1.2"], "cp": [3119]},
           "SRV2": {"priority": 2, "hosts": ["10.9.2.2"], "cp": [3119]}}
LINK = {"rtt_ms": 5.0, "jitter_ms": 0.0, "kbit_s": 0}
NODES = {"SRV1": {"host": "10.9.1.2", "link": {}}, "SRV2": {"host": "10.9.2.2", "link": {}}, "WS1": {"host": "", "link": {}},
         "FAR": {"host": "", "link": LINK}}
RUN: dict[str, Any] = {"server": "SRV1", "cp": "10.9.1.2:3119", "nodes": NODES,
                       "group": {"name": "plant", "multicast": False, "servers": SERVERS}}
BOTH = [["10.9.1.2:3119"], ["10.8.1.2:3119"]]


def plan(*words: str, node: str = "WS1", run: dict[str, Any] = RUN):
    return plan_of(parse_start("hip", ["/WWS1", *words]), node, run, SOCKET, RNG)


# -- whom to ask


@pytest.mark.req("R75")
def test_a_client_of_the_group_knows_its_servers_by_the_list() -> None:
    for words in ((), ("/RFplant",), ("/RSplant",), ("--group-list", "plant")):
        found = plan(*words)
        assert found.group == "plant" and not found.single
        assert found.members() == [Member("SRV1", Way(path=SOCKET)), Member("SRV2", Way(networks=[["10.9.2.2:3119"]]))]


@pytest.mark.req("R75")
def test_a_workstation_without_a_server_reaches_all_over_tcp() -> None:
    ways = members_of({**RUN, "server": ""}, "WS1", SOCKET)
    assert ways == [Member("SRV1", Way(networks=BOTH)), Member("SRV2", Way(networks=[["10.9.2.2:3119"]]))]
    assert [member.facts for member in ways] == [{"wanted": "SRV1"}, {"wanted": "SRV2"}]


def test_a_node_with_a_shaped_link_takes_tcp_to_its_own_server_too() -> None:
    assert members_of(RUN, "FAR", SOCKET)[0] == Member("SRV1", Way(networks=BOTH, link=LINK))
    assert members_of(RUN, "SRV1", SOCKET)[0].way.path == SOCKET, "the server's own computer has an address, and needs none"


@pytest.mark.req("R75")
def test_an_explicit_list_needs_no_application() -> None:
    found = plan("/RFplant", "--member", "a:4000,b:4001", "--member=c", run={})
    assert [member.way.networks for member in found.members()] == [[["a:4000"], ["b:4001"]], [["c:3119"]]]
    assert all(member.facts == {} for member in found.members())


@pytest.mark.req("R76")
def test_a_server_that_is_named_is_the_only_one() -> None:
    assert plan("/SSRV2").single and plan("/SSRV2").members() == [Member("SRV2", Way(networks=[["10.9.2.2:3119"]]))]
    assert plan("/SSRV1").members() == [Member("SRV1", Way(path=SOCKET))]
    without = {**RUN, "group": {}}
    assert plan(run=without).members()[0].way == Way(path=SOCKET) and plan(run=without).single


class Logons:
    """Dead servers answer when the test lets them; the others say the next of their states, and the last one again and again."""

    def __init__(self, **states: list[str]) -> None:
        self.states, self.channels, self.let = states, [], threading.Event()

    def __call__(self, member: Member) -> Any:
        subs = self.states[member.name]
        if not subs:
            self.let.wait()
            raise CannotConnect(f"{member.name} is dead")
        state = ServerState(group="plant", node=member.name, state="HS" if subs[0] == "hot" else "SBS", sub=subs[0], epoch=5)
        self.states[member.name] = subs[1:] or subs
        self.channels.append(Logon(state))
        return self.channels[-1]


class Logon:
    def __init__(self, state: ServerState) -> None:
        self.welcome, self.closed = Welcome(name="x", number=1, facts={"server": msgspec.to_builtins(state)}), ""

    def close(self, reason: str) -> None:
        self.closed = reason


def test_who_is_not_hot_yet_is_asked_again_while_a_dead_server_is_waited_for() -> None:
    enter = Logons(SRV1=[], SRV2=["standby", "standby", "hot"])
    answers, faults = ask_all([Member("SRV1", Way(path=SOCKET)), Member("SRV2", Way(path=SOCKET))], enter, seconds=30.0)
    assert ([a.state.sub for a in answers], faults) == (["hot"], [])
    assert [channel.closed for channel in enter.channels] == ["asked again", "asked again", ""]
    enter.let.set()


@pytest.mark.req("R66", "R75")
def test_multicast_only_where_the_application_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr("hisee.channel.plan.discover", lambda group, rng, link: sent.append(group) or [])
    for run in (RUN, {**RUN, "group": {}}, {}):
        with pytest.raises(UsageError, match="multicast = true"):
            plan("/RDplant", run=run)
    assert not sent
    wanted = plan("/RDplant", run={**RUN, "group": {**RUN["group"], "multicast": True}})
    assert not sent and wanted.members() == [] and sent == ["plant"]


@pytest.mark.parametrize(("words", "run", "said"), [
    (("/RFother",), RUN, "plant"), (("/RDother",), RUN, "plant"), (("/RFplant",), {}, "--member"),
    (("/RFplant",), {**RUN, "server": "", "group": {**RUN["group"], "servers": {"SRV1": {"hosts": [], "cp": []}}}}, "ports"),
    (("/RFplant", "--member", "a:b"), RUN, "address")])
def test_a_group_that_cannot_be_found_is_explained(words: tuple[str, ...], run: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan(*words, run=run).members()


@pytest.mark.parametrize(("command", "words"), [("cp", ["/RFplant"]), ("agent", ["/RDplant"]), ("hip", ["--member", "a"]),
                                                 ("hip", ["/RDplant", "--member", "a"])])
def test_start_parameters_of_groups_where_they_have_no_meaning(command: str, words: list[str]) -> None:
    with pytest.raises(UsageError):
        parse_start(command, words)


def test_programs_without_a_group_say_so() -> None:
    with pytest.raises(UsageError, match="group"):
        by_group({}, "", SOCKET)


# -- whom to believe


class Link:
    def close(self, reason: str) -> None:
        """Nothing to close."""


def said(node: str, sub: str, epoch: int, group: str = "plant") -> Answer:
    state = {"hot": "HS", "switching to standby": "HS", "standby": "SBS", "switching to hot": "SBS", "alone": "HS"}.get(sub, "SS")
    return Answer(Member(node, Way()), Link(), ServerState(group, node, state, sub, epoch))  # type: ignore[arg-type]


@pytest.mark.req("R72", "R76")
@pytest.mark.parametrize(("answers", "seen", "hot", "standby"), [
    ([said("A", "hot", 5), said("B", "standby", 5)], 0, "A", "B"),
    ([said("A", "hot", 5), said("B", "hot", 6), said("C", "standby", 6)], 0, "B", "C"),
    ([said("A", "hot", 5), said("B", "standby", 6)], 6, "", "B"),
    ([said("A", "standby", 5), said("B", "switching to hot", 6)], 0, "", "A"),
    ([said("A", "election", 5), said("B", "waiting for the hot server", 5)], 0, "", ""),
    ([said("A", "hot", 9, "other"), said("B", "hot", 1)], 0, "B", ""),
    ([said("A", "unheard of", 5)], 0, "", ""),
    ([], 0, "", "")])
def test_the_hot_server_of_the_highest_epoch_is_obeyed(answers: list[Answer], seen: int, hot: str, standby: str) -> None:
    gate = Gate()
    gate.admit(seen)
    chosen = choose(answers, "plant", gate)
    assert (chosen.hot.member.name if chosen.hot else "", chosen.standby.member.name if chosen.standby else "") == (hot, standby)
    assert len(chosen.rest) == len(answers) - bool(hot) - bool(standby)
    assert gate.epoch >= seen


def test_a_server_of_no_group_is_hot_for_whoever_names_it() -> None:
    alone = said("A", "alone", 0, "")
    assert choose([alone], "", Gate()).hot is alone and choose([alone], "plant", Gate()).hot is None


def test_when_a_hot_server_is_left() -> None:
    subs = ["hot", "switching to standby", "cut off", "standby", "election", "wrong"]
    assert [left(said("A", sub, 5).state) for sub in subs] == [False, False, False, True, True, True]


# -- datagrams


NONCE = b"12345670"


def server(**changes: Any) -> Server:
    facts: dict[str, Any] = {"group": "plant", "nonce": NONCE, "node": "SRV1", "state": "HS", "epoch": 7, "networks": BOTH}
    return Server(**{**facts, **changes})


@pytest.mark.req("R75")
def test_a_question_and_its_answer() -> None:
    asked = question("plant", NONCE)
    assert len(asked) == DATAGRAM_BYTES
    found = read_question(asked)
    assert found is not None and (found.group, found.nonce) == ("plant", NONCE)
    told = answer(server())
    assert 0 < len(told) <= len(asked)
    assert read_answer(told, "plant", NONCE) == Member("SRV1", Way(networks=BOTH))


@pytest.mark.parametrize("data", [
    b"", b"\0" * DATAGRAM_BYTES, question("plant", NONCE)[:-1], question("plant", NONCE) + b"\0", b"x" + question("plant", NONCE)[1:],
    (discovery.ASK + msgspec.msgpack.encode([NONCE[:4], "plant"])).ljust(DATAGRAM_BYTES, b"\0"),
    (discovery.ASK + msgspec.msgpack.encode([NONCE, "p" * 65])).ljust(DATAGRAM_BYTES, b"\0"),
    (discovery.ASK + msgspec.msgpack.encode([NONCE, 5])).ljust(DATAGRAM_BYTES, b"\0"),
    (discovery.ASK + b"\xdd\xff\xff\xff\xff").ljust(DATAGRAM_BYTES, b"\0")])
def test_what_is_no_question_gets_no_answer(data: bytes) -> None:
    assert read_question(data) is None


@pytest.mark.parametrize("data", [
    b"", answer(server())[:-1], answer(server()) + b"\0", answer(server(group="other")), answer(server(nonce=b"00000000")),
    answer(server(networks=[])), answer(server(networks=[[]])), answer(server(networks=[["host"]])), answer(server(networks=[[":80"]])),
    answer(server(networks=[["a:99999"]])), answer(server(networks=[["a:1"]] * 5)), answer(server(epoch=-1)), answer(server(node="")),
    discovery.FOUND + b"\xdd\xff\xff\xff\xff", b"\0" * (DATAGRAM_BYTES + 1)])
def test_what_is_no_answer_names_no_server(data: bytes) -> None:
    assert read_answer(data, "plant", NONCE) is None


def test_an_answer_is_never_longer_than_the_question() -> None:
    assert answer(server(networks=[["a" * 60 + ":3119"] * 16] * 4)) == b""
