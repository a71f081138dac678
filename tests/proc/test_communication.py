"""Communication processes and agents as real processes: the only doors, spread clients, silent cuts, programs that outlive everybody."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import hisee
from campaigns import agents as campaign
from hisee.channel import Channel, PeerUnreachable
from hisee.channel.payloads import Hello
from hisee.datadir import DataDir
from hisee.schema.timers import BY_NAME as TIMERS
from hisee.seams import Seams
from hisee.work.wayin import WayIn
from support.agents import AgentProcess, await_agents, make_app
from support.relay import Relay
from support.system import RunningSystem, names, running, until

pytestmark = pytest.mark.boot
KEEP_ALIVE_S = TIMERS["keep_alive"].ms / 1000
HEARTBEAT_S = TIMERS["heartbeat"].ms / 1000
CLIENTS = 100


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    folder = tmp_path_factory.mktemp("doors")
    with running(make_app(folder / "app"), folder / "data") as started:
        yield started


@pytest.fixture(scope="module")
def client(system: RunningSystem) -> Iterator[hisee.System]:
    with system.connect() as connected:
        yield connected


@pytest.fixture(scope="module")
def cut_agent(system: RunningSystem, client: hisee.System,
              tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AgentProcess, float]]:
    """An agent whose packets vanish from the first test on; what became of it is looked at in the last one."""
    relay = Relay(ports(client, "CP")["CP001"])
    agent = AgentProcess("CUT", tmp_path_factory.mktemp("cut"), system.data, f"127.0.0.1:{relay.port}")
    try:
        await_agents(client, "CUT")
        until(lambda: f"through 127.0.0.1:{relay.port}" in agent.log(), "the agent came through the relay")
        relay.cut()
        yield agent, time.time()
    finally:
        agent.end()
        relay.close()


@pytest.fixture(autouse=True)
def cut_early(cut_agent: tuple[AgentProcess, float]) -> None:
    """The silence begins before everything else."""


def ports(client: hisee.System, *kinds: str) -> dict[str, int]:
    return {row["name"]: row["port"] for row in client.ps() if row["kind"] in kinds and row["state"] == "Run"}


# -- the only doors


@pytest.mark.req("R118")
def test_only_communication_processes_listen(client: hisee.System, system: RunningSystem) -> None:
    rows = [row for row in client.ps() if row["state"] == "Run" and row["pid"] and row["kind"] not in ("TEL", "AGENT")]
    found = {row["name"]: listening(row["pid"]) for row in rows}
    doors = ports(client, "CP")
    assert {name: open_ports for name, open_ports in found.items() if open_ports} == {name: {port} for name, port in doors.items()}
    assert len(doors) == 2


def listening(pid: int) -> set[int]:
    """TCP ports at which this process accepts connections, from the tables of the kernel."""
    inodes = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(fd))
        except OSError:
            continue
        inodes |= {match[1]} if match else set()
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes}


@pytest.mark.req("R118")
def test_the_port_of_a_work_process_is_taken_and_refuses(client: hisee.System, system: RunningSystem) -> None:
    until(lambda: len(ports(client, "WP", "PWP", "DWP")) == 3, "all three run", 30)
    taken = ports(client, "WP", "PWP", "DWP")
    assert all(taken.values())
    for port in taken.values():
        with pytest.raises(PeerUnreachable, match="refused"):
            way(system, port).enter(Hello(kind="AGENT", name="WRONG"))


@pytest.mark.req("R96")
def test_a_communication_process_that_came_first_connects_to_the_primary_later(system: RunningSystem, client: hisee.System) -> None:
    until(lambda: "connected to the primary" in system.log("CP001.00.log"), "CP001 is connected to the primary", 20)
    lines = system.log("CP001.00.log").splitlines()
    stamps = {word: next(line[:23] for line in lines if word in line) for word in ("is ready", "waiting for", "connected to the primary")}
    assert stamps["is ready"] <= stamps["waiting for"] <= stamps["connected to the primary"]
    primary = next(row["name"] for row in client.ps() if row["kind"] == "PWP")
    assert f"connected to the primary {primary}" in system.log("CP001.00.log")
    assert stamps["is ready"] < system.log("WP001.00.log")[:23], "no work process ran when it was ready"


@pytest.mark.req("R92")
@pytest.mark.parametrize(("words", "code", "reason"), [
    ([], 1, "no number for another CP"), (["--port", "19999"], 2, "not in the list"),
    (["--listen", "10.0.0.1"], 1, "no number for another CP")])
def test_without_a_free_number_it_ends_with_the_reason(system: RunningSystem, words: list[str], code: int, reason: str) -> None:
    ended = subprocess.run([sys.executable, "-m", "hisee", "cp", "--data", str(system.data), "--node", "SRV1", *words],
                           capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == code and reason in ended.stderr, ended.stderr


# -- spread clients


def way(system: RunningSystem, port: int) -> WayIn:
    return WayIn(DataDir(system.data).secret(), Seams(), addresses=[f"127.0.0.1:{port}"])


@pytest.mark.req("R120")
def test_a_hundred_clients_spread_evenly_over_two_doors(system: RunningSystem, client: hisee.System) -> None:
    first = ports(client, "CP")["CP001"]

    async def enter(number: int, free: asyncio.Semaphore) -> Channel:
        mine = way(system, first)  # all of them know only the first door
        async with free:
            channel = await asyncio.to_thread(mine.enter, Hello(kind="AGENT", name=f"CLIENT{number}"))
        channel.attach(asyncio.get_running_loop(), lambda _: None, lambda _: None)
        assert len(mine.doors.known) >= 2, "after the logon it knows both"
        return channel

    async def main() -> None:
        free = asyncio.Semaphore(16)
        channels = await asyncio.gather(*(enter(n, free) for n in range(CLIENTS)))
        try:
            rows = await asyncio.to_thread(client.ps)
            mine = Counter(channel.peer.address for channel in channels if channel.peer)
            assert sum(mine.values()) == CLIENTS and len(mine) == 2 and min(mine.values()) >= 45, mine
            assert len([row for row in rows if row["name"].startswith("CLIENT") and row["state"] == "Run"]) == CLIENTS
        finally:
            for channel in channels:
                channel.close()

    asyncio.run(main())
    until(lambda: not [n for n in names(client.ps(), "AGENT") if n.startswith("CLIENT")], "all have left", 20)


@pytest.mark.req("R119")
def test_messages_for_a_client_count_at_the_door_that_holds_it(system: RunningSystem, client: hisee.System) -> None:
    doors = ports(client, "CP")
    until(lambda: passed(client) == passed_now(client, doors), "what passed for earlier clients is reported", 20)
    before = passed(client)

    async def main() -> None:
        channel = await asyncio.to_thread(way(system, doors["CP001"]).enter, Hello(kind="AGENT", name="COUNTED"))
        channel.attach(asyncio.get_running_loop(), lambda _: None, lambda _: None)
        assert channel.peer is not None
        door = next(name for name, port in doors.items() if channel.peer.address.endswith(f":{port}"))
        other = next(name for name in doors if name != door)
        for _ in range(42):  # it does not answer: the order counts all the same
            await asyncio.to_thread(client.tell, "COUNTED", "PING", wait=False)
        await asyncio.to_thread(until, lambda: passed(client)[door] - before[door] >= 42, "42 messages passed", 20)
        assert passed(client)[other] - before[other] < 42
        channel.close()

    asyncio.run(main())


def passed(client: hisee.System) -> dict[str, int]:
    return {name: row["passed"] for name, row in client.queues().items() if name.startswith("CP")}


def passed_now(client: hisee.System, doors: Iterable[str]) -> dict[str, int]:
    """As the communication processes count themselves; their reports are some seconds behind."""
    return {name: json.loads(client.tell(name, "STATUS").text)["passed"] for name in doors}


# -- programs


@pytest.mark.req("R140")
def test_a_program_outlives_three_work_processes(system: RunningSystem, client: hisee.System, tmp_path: Path) -> None:
    agent = AgentProcess("AGX", tmp_path, system.data, f"127.0.0.1:{ports(client, 'CP')['CP002']}")
    try:
        await_agents(client, "AGX")
        ledger = tmp_path / "ledger"
        task = client.enqueue("program.job", retries=0, options={"agent": "AGX"}, args=["long", "5", str(ledger), "0"])
        for _ in range(3):
            until(lambda: task.row["state"] == "active", "somebody watches it", 30)
            owner = task.row["owner"]
            os.kill(next(row["pid"] for row in client.ps() if row["name"] == owner and row["state"] == "Run"), signal.SIGKILL)
            until(lambda owner=owner: task.row["owner"] != owner or task.row["state"] != "active", "another one takes it over", 30)
        row = task.wait(60)
        assert row["state"] == "ended ok" and row["result"]["exit"] == 0 and ledger.read_text() == "long\n"
        states = [step["state"] for step in row["steps"]]
        assert states.count("ended ok") == 1 and states.count("activated") >= 4
        assert gap_ms(row["steps"]) < 30_000
    finally:
        agent.end()


def gap_ms(steps: list[dict]) -> int:
    """Longest time in which nobody watched the program: from the death of one work process to the next one's word."""
    left, longest = 0, 0
    for step in steps:
        if step["state"] == "ready" and left == 0:
            left = step["at_ms"]
        elif step["state"] == "active" and left:
            longest, left = max(longest, step["at_ms"] - left), 0
    return longest


@pytest.mark.req("R141")
def test_programs_start_once_and_end_once_whoever_is_killed(system: RunningSystem, tmp_path: Path) -> None:
    print(campaign.run(system, tmp_path, jobs=12, cp_kills=2, wp_kills=1, agent_kills=1, seconds=(0.3, 4.0), seed=11))


# -- the silent cut


@pytest.mark.req("R122")
def test_a_silent_cut_is_found_by_the_server_and_then_by_the_client(system: RunningSystem, client: hisee.System,
                                                                   cut_agent: tuple[AgentProcess, float]) -> None:
    agent, began = cut_agent
    try:
        until(lambda: "the link is gone: silent" in agent.log(), "the agent finds out", 4 * KEEP_ALIVE_S)
    except AssertionError as late:
        raise AssertionError(agent.log()) from late
    server = stamp(system.log("SRV1.KNL.00.log"), "CUT is gone: silent") - began
    own = stamp(agent.log(), "the link is gone: silent") - began
    assert KEEP_ALIVE_S - 2 * HEARTBEAT_S < server < own, (server, own)
    assert own < 3 * KEEP_ALIVE_S
    until(lambda: "CUT" in names(client.ps(), "AGENT"), "it is back through the other way", 30)
    assert agent.log().count("connected as CUT") >= 2


def stamp(log: str, words: str) -> float:
    """Seconds since 1970 of the first line that holds the words."""
    line = next(line for line in log.splitlines() if words in line)
    return dt.datetime.fromisoformat(line.split()[0]).replace(tzinfo=dt.UTC).timestamp()
