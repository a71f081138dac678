"""What is to run: one row per configured process of this computer, as data. Knows no process that runs and no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hisee.model.objects import Process
from hisee.pair.plan import Duty
from hisee.schema.timers import BY_NAME as TIMERS

DELAY_S = TIMERS["rrs_delay"].ms / 1000
STOP_S, STOP_WORK_S = TIMERS["stop"].ms / 1000, TIMERS["stop_work"].ms / 1000
PAIR = "pair"  # command of a node or monitor of the database pair
STOPS = {"wp": STOP_WORK_S, "jwp": STOP_WORK_S, PAIR: TIMERS["pair_stop"].ms / 1000 + STOP_S}
SERVER = "KNL"
DATABASE = "PG"  # a node or the monitor of the database pair: below the server, so it starts before it and outlives its loss
# Turn in which a kind ends, from the consoles to the server (R129): work processes before the communication processes, the primary
# behind both, so that it sees everybody leave; what serves requests of others ends after those others.
TURNS = {"HIP": 0, "WP": 1, "AGENT": 2, "CP": 3, "JWP": 5, "SES": 6, "EVH": 6, "DBM": 7, "ARC": 7, SERVER: 9, DATABASE: 10}
PRIMARY_TURN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One child: restart "permanent" (after every end that was not ordered here), "transient" (after an end out of order), "temporary"."""

    name: str  # of the configuration; numbered kinds get their own when they join
    kind: str
    priority: int = 0
    init_s: float = 0.0  # pause after its ready line before the next one is started
    restart: str = "transient"
    delay_s: float = DELAY_S
    stop_s: float = STOP_S  # time to end in order before it is killed
    autostart: bool = True
    process: Process | None = None

    @property
    def turn(self) -> int:
        return TURNS.get(self.kind, 8)


def spec_of(process: Process) -> ChildSpec:
    """The row of a configured process."""
    return ChildSpec(
        name=process.name, kind=process.kind, priority=process.priority, init_s=process.init_s, restart=process.restart,
        delay_s=DELAY_S if process.delay_s is None else process.delay_s, autostart=process.autostart,
        stop_s=STOPS.get(process.command, STOP_S), process=process)


def pair_process(duty: Duty) -> Process:
    """What the pair needs on this computer, as if it stood in app.toml."""
    return Process(name=duty.name, kind=DATABASE, command=PAIR, node=duty.node, args=(duty.role,), restart="permanent")


def in_order(specs: Iterable[ChildSpec]) -> list[ChildSpec]:
    """Order of start: the database pair; the server, because nobody logs on before it runs; then priority downwards, then as written
    (R8)."""
    return sorted(specs, key=lambda spec: (spec.kind != DATABASE, spec.kind != SERVER, -spec.priority))
