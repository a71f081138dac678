"""The order of work in an event handler: instances by priority, requests by priority, locks by name, changes by place."""

from types import SimpleNamespace

from hisee.script.inbox import places
from hisee.script.instance import Instance, Item
from hisee.script.locks import Holder, Locks
from hisee.script.ready import Ready
from hisee.values import Ref


def instance(name, priority=3, queue=10):
    parts = SimpleNamespace()
    return Instance(1, name, "E.X", 1, parts, parts, parts, 0, {"instance_queue": queue}, priority=priority)


def test_the_highest_priority_runs_first_and_equals_take_turns():
    ready = Ready()
    low, first, second, high = instance("low", 5), instance("first"), instance("second"), instance("high", 1)
    for each in (low, first, second, high):
        ready.append(each)
    assert first in ready and instance("other") not in ready
    assert [ready.pop().name for _ in range(4)] == ["high", "first", "second", "low"]
    assert not ready


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
