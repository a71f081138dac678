"""The thread that renews the lease: goes on through trouble, ends with the membership, stops for a steward that hangs."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from hisee.engine.coordinator import EngineError, LostMember, Member
from hisee.work import pulse
from hisee.work.lease import Lease
from hisee.work.pulse import HANGS_NS, Pulse
from support.clock import FakeClock
from support.system import until

ME = Member(number=1, kind="WP", name="WP001", node="N", host="h", pid=1, birth=1, incarnation=1)


class Engine:
    """Beats as it is told; `calls` counts them."""

    def __init__(self) -> None:
        self.calls, self.failure, self.closed = 0, None, False

    def beat(self, member: Member) -> None:
        self.calls += 1
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(pulse, "RENEW_S", 0.005)
    engine, clock, lost = Engine(), FakeClock(), []
    lease = Lease(clock)
    beating = Pulse(lambda: engine, ME, lease, clock, lost.append)
    yield engine, clock, lease, beating, lost
    beating.close()
    assert engine.closed or not engine.calls


def test_it_renews_and_goes_on_after_trouble(parts):
    engine, clock, lease, beating, lost = parts
    clock.advance(10_000)
    assert not lease.good()
    beating.start()
    until(lease.good, "renewed", 30)
    engine.failure = EngineError("disk full")
    before = engine.calls
    until(lambda: engine.calls > before + 3, "it tries again", 30)
    engine.failure = None
    clock.advance(10_000)
    until(lease.good, "renewed after the trouble", 30)
    assert lost == []


def test_a_lost_membership_is_told_once_and_ends_it(parts):
    engine, _, _, beating, lost = parts
    engine.failure = LostMember("buried")
    beating.start()
    until(lambda: engine.closed, "it ended", 30)
    assert lost == ["buried"] and engine.calls == 1


def test_a_steward_that_hangs_keeps_no_lease(parts):
    engine, clock, _, beating, _ = parts
    clock.advance(HANGS_NS // 1_000_000 + 1)
    beating.start()
    threading.Event().wait(0.05)
    assert engine.calls == 0
    beating.went_round(engine)
    until(lambda: engine.calls > 1, "it lives again", 30)


def test_each_round_of_the_steward_renews(parts):
    """The thread is there for a steward that is late."""
    engine, clock, lease, beating, _ = parts
    clock.advance(10_000)
    beating.went_round(engine)
    assert engine.calls == 1 and lease.good()
    engine.failure = LostMember("buried")
    with pytest.raises(LostMember):
        beating.went_round(engine)
    engine.closed = True
