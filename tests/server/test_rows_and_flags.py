"""What scripts do to objects beside single values: user flags, and rows of structured ones."""

import asyncio

import pytest

from hisee._core.cells import CellTable
from hisee._core.values import encode
from hisee.channel.payloads import Subscribe, pack
from hisee.channel.spoken import Span
from hisee.schema.errors import Err
from hisee.schema.extended import Ext
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind as Kind
from hisee.server.object_rows import DELETE, INSERT, REDIM, RowChange, RowsRefused, change_rows
from hisee.values import Invalid, Record, Ref, Type
from support.stage import eventually, stage

ROWS = [Type.INT, Type.TEXT]


def run(body):
    async def played():
        async with stage() as made:
            made.knl.values.table.define(9, "RECORD", 2, ROWS)
            made.knl.values.table.define(8, "INT")
            await body(made)

    asyncio.run(played())


def change(operation, first, count, *rows):
    return encode([Ref(9), operation, first, count, *rows])


async def rows(ses, payload):
    return await ses.ask(Kind.OBJECT_ROWS, payload, lane=Lane.SCRIPT)


async def received(actor):
    """The values that come to whoever follows an object."""
    await eventually(lambda: Kind.VALUES in actor.kinds(), "values came")
    return next(m for m in actor.got if m.kind == Kind.VALUES)


def test_flags_of_a_script_arrive_at_the_object_and_at_everybody_who_follows():
    async def body(made):
        ses, other = await made.ses("A"), await made.ses("B")
        await other.ask(Kind.SUBSCRIBE, pack(Subscribe(objects=[8])), lane=Lane.SCRIPT)
        ses.send(Kind.SET, encode([Ref(8), 5, 9]), lane=Lane.SCRIPT)
        values = await received(other)
        replica = CellTable()
        replica.define(8, "INT")
        replica.apply(values.payload)
        assert (replica.get(8).value, replica.get(8).flags, made.knl.values.table.get(8).flags) == (5, 9, 9)

    run(body)


def test_a_process_of_the_release_before_gets_values_without_flags():
    async def body(made):
        ses, other = await made.ses("A"), await made.ses("B")
        made.knl.core.registry.get(other.number).speaks = Span((1, 0), (1, 4))
        await other.ask(Kind.SUBSCRIBE, pack(Subscribe(objects=[8])), lane=Lane.SCRIPT)
        ses.send(Kind.SET, encode([Ref(8), 5, 9]), lane=Lane.SCRIPT)
        values = await received(other)
        assert values.payload == made.knl.values.table.changes([8], False) != made.knl.values.table.changes([8])

    run(body)


def test_rows_change_before_the_script_is_answered():
    async def body(made):
        ses = await made.ses("A")
        table = made.knl.values.table
        replica = CellTable()
        replica.apply(await ses.ask(Kind.SUBSCRIBE, pack(Subscribe(objects=[9])), lane=Lane.SCRIPT))
        await rows(ses, change(REDIM, 0, 4))
        await rows(ses, change(INSERT, -1, 0, Record(1, ROWS, [[7], ["seven"]])))
        await rows(ses, change(DELETE, 1, 2))
        assert table.dim(9) == 3 and table.get(Ref(9, 3, 1)).value == 7
        for message in ses.got:  # all of them are here: each answer came behind its values
            if message.kind == Kind.VALUES:
                replica.apply(message.payload)
        assert replica.get(9) == table.get(9)

    run(body)


@pytest.mark.parametrize(("payload", "error", "extended"), [
    (change(REDIM, 0, 0), Err.ERR_RANGE_ERROR, Ext.OUT_OF_LIMITS), (change(DELETE, 1, 2), Err.ERR_RANGE_ERROR, Ext.OUT_OF_LIMITS),
    (change(REDIM, 0, Invalid(1)), Err.ERR_EXPRESSION_STATUS, Ext.NO_REASON),
    (change(INSERT, 1, 0, Record(1, [Type.INT], [[7]])), Err.ERR_RECORD_NO_COMP, Ext.WRONG_TYPE),
    (encode([Ref(9, 1, 0), REDIM, 0, 3]), Err.ERR_RANGE_ERROR, Ext.NO_REASON),
    (encode([Ref(8), REDIM, 0, 3]), Err.ERR_TRANS_ERROR, Ext.WRONG_TYPE),
    (encode([Ref(77), REDIM, 0, 3]), Err.ERR_TRANS_ERROR, Ext.OBJECT_UNKNOWN)])
def test_what_cannot_be_done_is_refused_and_changes_nothing(payload, error, extended):
    async def body(made):
        ses = await made.ses("A")
        before = made.knl.values.table.snapshot([9])
        failed = await ses.refused(Kind.OBJECT_ROWS, payload, lane=Lane.SCRIPT)
        assert (failed.error, failed.extended) == (error, extended)
        assert made.knl.values.table.snapshot([9]) == before

    run(body)


def test_an_alias_that_is_not_linked_has_no_rows():
    with pytest.raises(RowsRefused) as refused:
        RowChange.of(Ref(0), REDIM, 0, 3)
    assert refused.value.error == Err.ERR_NO_ASSIGNED_ALIAS


def test_an_insert_keeps_what_stood_there():
    table = CellTable()
    table.define(9, "RECORD", 1, ROWS)
    table.set(Ref(9, 1, 2), "old")
    change_rows(table, RowChange(9, INSERT, 1, 0, Record(1, ROWS, [[1, 2], ["a", Invalid(5, "TEXT")]])), 1000)
    assert [row[1] for row in zip(*table.get(9).columns, strict=True)] == ["a", Invalid(5, "TEXT"), "old"]
