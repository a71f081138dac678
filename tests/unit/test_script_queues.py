"""The order of work in an event handler: instances by priority, requests by priority, locks by name, changes by place."""

from types import SimpleNamespace

from hisee._core.vm import Scheduler, Script, Setting, Unit
from hisee.esl import ObjectContext, compile_source
from hisee.script.inbox import places
from hisee.script.instance import Instance, Item
from hisee.script.locks import Holder, Locks
from hisee.values import Ref


def instance(name, priority=3, queue=10):
    parts = SimpleNamespace()
    return Instance(1, name, "E.X", 1, parts, parts, parts, 0, {"instance_queue": queue}, priority=priority)


class Clock:
    """Stands still unless told; each look at it takes a step."""

    def __init__(self, step=1000):
        self.now, self.step = 10**9, step

    def __call__(self):
        self.now += self.step
        return self.now


def scripts(text, *names):
    """Scripts with their init parts begun; each is its own owner under its name."""
    unit = Unit(compile_source(text, name="S.Test", context=ObjectContext("script"), part=1).unit)
    setting, made = Setting({"slice": 100}, None), []
    for name in names:
        made.append(Script(unit, None, None, setting))
        made[-1].owner = name
        made[-1].start_init()
    return made


LOOP = "INT _i\nBEGIN\n_i := 0\nDO_LOOP\n_i := _i + 1\nEND_LOOP\nEND\n"
QUICK = "BEGIN\nEND\n"


def sleeps(seconds):
    return f"BEGIN\nDELAY {seconds} [s]\nEND\n"


def test_the_highest_priority_runs_first_and_equals_take_turns():
    scheduler = Scheduler(Clock())
    made = scripts(QUICK, "low", "first", "second", "high")
    for script, priority in zip(made, (9, 3, 3, 1), strict=True):
        scheduler.wake(script, priority)
    scheduler.wake(made[1])
    assert scheduler.ready
    assert scheduler.round(10**6) == ["high", "first", "second", "low"]
    assert not scheduler.ready and scheduler.round(10**6) == []


def test_who_was_woken_goes_before_those_that_used_up_a_slice():
    clock = Clock()
    scheduler, loops = Scheduler(clock), scripts(LOOP, *range(20))
    for script in loops:
        scheduler.wake(script)
    assert scheduler.round(10**6) == []
    used = [script.fuel_used for script in loops]
    assert min(used) > 0 and max(used) - min(used) <= 200, "they take turns"
    begun, (honest,) = clock.now, scripts(QUICK, "honest")
    scheduler.wake(honest)
    assert scheduler.round(10**9) == ["honest"], "the round ends with it"
    assert clock.now - begun < 20_000, "nobody ran before it"


def test_a_stream_of_woken_ones_does_not_starve_the_others():
    scheduler, (loop, *others) = Scheduler(Clock()), [*scripts(LOOP, "loop"), *scripts(QUICK, *range(30))]
    scheduler.wake(loop)
    scheduler.round(10**5)
    used, ended = loop.fuel_used, []
    for script in others:
        scheduler.wake(script)
    while len(ended) < len(others):
        ended += scheduler.round(10**6)
    assert loop.fuel_used - used >= 100 * (len(others) // 9)


def test_a_delay_needs_nobody_but_the_scheduler_and_ends_in_order():
    clock = Clock()
    scheduler, made = Scheduler(clock), []
    for seconds in (3600, 0.002, 5, 0):
        made += scripts(sleeps(seconds), seconds)
        scheduler.wake(made[-1])
    assert scheduler.round(10**6) == [0] and [s.asleep for s in made] == [True, True, True, False]
    ended = []
    while scheduler.next_ns is not None:
        clock.now = max(clock.now, scheduler.next_ns)
        ended += [(name, clock.now // 10**6) for name in scheduler.round(10**6)]
    assert [name for name, _ in ended] == [0.002, 5, 3600]
    assert [at - 1000 for _, at in ended] == [3, 5001, 3600001], "never before their time"


def test_a_closed_script_has_left_the_scheduler():
    scheduler = Scheduler(Clock())
    sleeper, ready = *scripts(sleeps(1), "sleeper"), *scripts(LOOP, "ready")
    scheduler.wake(sleeper)
    scheduler.round(10**6)
    scheduler.wake(ready)
    sleeper.close()
    ready.close()
    assert not scheduler.ready and scheduler.round(10**6) == []
    del scheduler


def test_a_slice_of_long_back_edges_is_shortened_and_grows_again():
    clock = Clock(600_000)
    scheduler, (slow,) = Scheduler(clock), scripts(LOOP, "slow")
    scheduler.wake(slow)

    def slices(count):
        used = []
        for _ in range(count):
            before = slow.fuel_used
            scheduler.round(1)
            used.append(slow.fuel_used - before)
        return used

    assert slices(9) == [100, 50, 25, 12, 6, 3, 1, 1, 1]
    clock.step = 1000
    assert slices(4)[-1] > 1 and slices(9)[-1] == 100


def test_a_request_of_higher_priority_waits_before_the_others():
    taken = instance("x")
    for what, priority in (("a", 3), ("b", 5), ("c", 1), ("d", 3), ("init", 0)):
        taken.put(Item(1, what=what, priority=priority))
    assert [item.what for item in taken.queue] == ["init", "c", "a", "d", "b"]


# rules: entryx-replaces
def test_the_newest_of_equal_keys_takes_the_place_of_the_older_one():
    taken = instance("x")
    for what in ("old", "other", "new"):
        taken.put(Item(1, what=what, key=None if what == "other" else "same"))
    assert [item.what for item in taken.queue] == ["new", "other"]


def test_a_lock_has_one_holder_and_ends_with_it():
    locks, one, two = Locks(), Holder(1, "E.One", "note"), Holder(2, "E.Two", "")
    assert locks.get("Night", one) is None and locks.get("night", one) is None, "who has it may ask again"
    assert locks.get("NIGHT", two) == one
    locks.release("night", 2)
    assert locks.get("night", two) == one, "only the holder gives it back"
    locks.release("night", 1)
    assert locks.get("night", two) is None
    locks.drop(2)
    assert locks.rows() == []


def test_a_change_of_an_item_is_one_of_its_row_its_column_and_its_object():
    assert places(Ref(7)) == (Ref(7),)
    assert set(places(Ref(7, 2, 3))) == {Ref(7, 2, 3), Ref(7, 2), Ref(7, 0, 3), Ref(7)}
