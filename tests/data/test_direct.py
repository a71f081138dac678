"""Direct routes between whoever asks and a database manager: granted, counted, taken back, whatever is under way (R45)."""

import asyncio
import os
import signal

import pytest

from hisee.channel import Message, RequestFailed, Requests, dial_unix
from hisee.channel.payloads import Failed, Hello, RouteTurn, pack, unpack
from hisee.schema.actions import ActionId as Do
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.messages import MessageKind as Kind
from support.data_system import NONE, System

ENDLESS = "Id IN (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c WHERE n < 0)"
LONG = 300_000  # more than a record of the ring takes: it travels in parts
FULL = bool(os.environ.get("HISEE_TEST_FULL"))
SWITCHES = 1000 if FULL else 200
AT_ONCE = 12


@pytest.fixture
def in_system(tmp_path):
    def run_on(body, **options):
        async def run():
            system = System(tmp_path, **{"direct": True, **options})
            try:
                await system.start()
                await body(system)
            finally:
                await system.end()

        asyncio.run(run())

    return run_on


def routes(system):
    return {(p, g.route): (forth, back) for p, g, forth, back in system.knl.direct.rows()}


@pytest.mark.slow
@pytest.mark.req("R45")
def test_a_route_is_granted_counted_and_revoked(in_system):
    async def body(system):
        await system.ready()
        dbm = system.knl.core.registry.named("SRV1.DBM")
        for nonsense in (b"", b"\xff", pack(RouteTurn(route=1, on=True)), pack(RouteTurn(route=9, on=False))):
            system.channel.send(Message(Kind.ROUTE_TURN, 3, system.channel.welcome.number, dbm.number, payload=nonsense))
        await system.heard()
        relayed = system.knl.router.relayed
        for number in range(20):
            assert await system.echo(bytes(number)) == bytes(number)
        assert system.knl.router.relayed == relayed, "none of them passed the server"
        (((pair, _), (forth, back)),) = routes(system).items()
        assert pair == (system.channel.welcome.number, dbm.number, 3)
        assert forth == back == (20, sum(range(20)))
        before = asyncio.get_running_loop().time()
        assert system.knl.direct.switch(["ON"]) == "every message passes the server"
        await system.until(lambda: not system.way.routes, "revoked")
        assert asyncio.get_running_loop().time() - before < 0.1
        assert await system.echo(b"again") == b"again"
        assert system.knl.router.relayed == relayed + 4, "two words about the turn, a request and its answer"
        (passed,) = [p for source, target, lane, p in system.knl.router.routes.rows() if target == dbm.number]
        assert (passed.forth, passed.back) == (23, 23), "every message is counted once, whatever way it took"

    in_system(body)


@pytest.mark.slow
@pytest.mark.req("R45", "R134", "R146")
def test_requests_under_way_end_once_and_in_order_across_hundreds_of_switches(in_system):
    async def body(system):
        await system.ready()
        asked = []
        going = True

        async def load(worker):
            while going:
                payload = b"%d" % len(asked) + bytes(LONG if len(asked) % 150 == 0 else worker)
                asked.append(payload)
                assert await system.echo(payload) == payload

        load_under_way = [asyncio.create_task(load(worker)) for worker in range(AT_ONCE)]
        for _ in range(SWITCHES // 2):
            system.knl.direct.switch(["ON"])
            await system.until(lambda: not system.way.routes, "through the server")
            system.knl.direct.switch(["OFF"])
            await system.until(lambda: system.way.routes, "direct again")
        going = False
        await asyncio.gather(*load_under_way)
        ends = [m.corr for m in system.answers if m.kind in (Kind.REPLY, Kind.FAILED) and m.lane == 3]
        assert len(asked) > SWITCHES
        assert ends == sorted(set(ends)), "each ended once, in the order of the lane"
        assert len(ends) == len(asked) + 1

    in_system(body)


@pytest.mark.slow
@pytest.mark.req("R146")
def test_what_was_asked_by_a_route_that_is_gone_ends_with_the_process_it_was_asked_of(in_system):
    """Revoked while a statement runs: its answer comes through the server, or, when the process dies, its end."""
    async def body(system):
        await system.ready()
        waiting = [asyncio.create_task(system.ask(Do.DBS_READ, 1, system.table, 9, where, 0, timeout_s=60)) for where in (ENDLESS, NONE)]
        await asyncio.sleep(0.1)
        system.knl.direct.switch(["ON"])
        await system.until(lambda: not system.way.routes, "through the server, though the other end is busy")
        system.dbm.kill()
        for task in waiting:
            with pytest.raises(RequestFailed, match=r"SRV1\.DBM ended during the request") as failed:
                await asyncio.wait_for(task, 10)
            assert (failed.value.error, failed.value.extended) == (Err.ERR_TRANS_ABORT, Ext.PROCESS_RESTARTED)
        ends = [m.corr for m in system.answers if m.kind == Kind.FAILED]
        assert len(ends) == len(set(ends)) == 2
        assert unpack(Failed, system.answers[-1].payload).text == "SRV1.DBM ended during the request"

    in_system(body)


@pytest.mark.slow
@pytest.mark.req("R45", "R28")
def test_what_came_behind_the_end_of_the_last_route_is_served(in_system):
    """One look at the server brings the word that the asker is dead and, behind it, requests of others; nothing else comes later."""
    async def body(system):
        await system.ready()
        assert len(routes(system)) == 1
        hello = Hello(kind="SES", name="OTHER", pid=os.getpid())
        other = await asyncio.to_thread(dial_unix, system.data.control_socket, hello, system.data.secret())
        requests = Requests(other)
        other.attach(asyncio.get_running_loop(), requests.settle, lambda reason: None)
        system.dbm.send_signal(signal.SIGSTOP)
        system.channel.close()
        await system.until(lambda: not routes(system), "the route ended with its asker")
        asked = [Message(Kind.ECHO, 3, other.welcome.number, object=system.table.object, payload=b"%d" % n) for n in range(3)]
        answers = [asyncio.create_task(requests.ask(message, 20)) for message in asked]
        passed = system.knl.router.routes.rows
        await system.until(lambda: sum(p.forth for source, *_, p in passed() if source == other.welcome.number) == 3, "all wait for it")
        system.dbm.send_signal(signal.SIGCONT)
        assert [answer.payload for answer in await asyncio.gather(*answers)] == [b"0", b"1", b"2"]
        other.close()

    in_system(body)


@pytest.mark.slow
@pytest.mark.req("R45", "R34")
def test_a_new_process_gets_a_new_route(in_system):
    async def body(system):
        await system.ready()
        (first,) = routes(system)
        system.dbm.kill()
        await system.dbm.wait()
        await system.until(lambda: not system.way.routes and not routes(system), "the route ends with the process")
        await system.start_dbm()
        await system.ready()
        (second,) = routes(system)
        assert second[1] > first[1], "an epoch is never used again"

    in_system(body)


@pytest.mark.slow
@pytest.mark.skipif(not FULL, reason="takes as long as a watchdog")
def test_a_frozen_process_loses_its_route(in_system):
    async def body(system):
        await system.ready()
        system.dbm.send_signal(signal.SIGSTOP)
        frozen = asyncio.create_task(system.echo(b"x", 60))
        await system.until(lambda: not system.way.routes, "revoked with the loss of its link", 20)
        with pytest.raises(RequestFailed, match="ended during the request"):
            await frozen

    in_system(body)


@pytest.mark.slow
@pytest.mark.req("R45")
@pytest.mark.parametrize("options", [
    {"rights": '[rights]\nlocal = ["data:T.*"]\n'}, {"limits": {"direct_routes": 0}}], ids=["rights", "limit"])
def test_without_a_route_everything_passes_the_server(in_system, options):
    async def body(system):
        for _ in range(3):
            assert (await system.ask(Do.DBS_READ, 1, system.table, 9, NONE, 0))[1] == 0
        await asyncio.sleep(0.1)
        assert not system.way.routes
        assert not routes(system)

    in_system(body, **options)
