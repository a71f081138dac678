"""CONSOLE requests: a program (hisee.connect) drives a console as a person would. One verb, one answer."""

from __future__ import annotations

from typing import Any

import msgspec

from hisee.channel import Message, RequestFailed
from hisee.channel.payloads import ConsoleCommand, ConsoleState, Failed, Payload, pack, unpack
from hisee.console import measuring
from hisee.console.console import Console, OperatorError
from hisee.console.desk import CHOICES
from hisee.console.opened import Link, OpenObject
from hisee.console.settle import settled
from hisee.schema.errors import Err
from hisee.schema.messages import MessageKind as Kind
from hisee.schema.timers import BY_NAME as TIMERS

DEFAULT_MS = TIMERS["api_request"].ms


def overview(console: Console, address: str) -> ConsoleState:
    """The console itself: what is open, and the address of its page with a token that is still good."""
    return ConsoleState(facts={"console": console.name, "address": address, "connected": console.connected, "mode": console.mode,
                               "opened": [o.facts() for o in console.opened.values()]})


def picture(console: Console, opened: OpenObject, target: str = "") -> ConsoleState:
    """The opened object with all its graphical objects, or with one; asked for `_Lbl`, it comes under that name."""
    elements = opened.picture.snapshot()
    if target:
        elements = {target: elements[console.find(opened, target).id]}
    return ConsoleState(opened=opened.number, elements=elements, facts=opened.facts())


def spoken(console: Console) -> ConsoleState:
    return ConsoleState(facts={"messages": list(console.desk.messages),
                               "questions": [q.row() for q in console.desk.questions.values()]})


async def carry_out(console: Console, command: ConsoleCommand, address: str = "") -> ConsoleState:
    """Raises OperatorError or RequestFailed with the reason."""
    verb = command.verb
    if verb == "open":
        return picture(console, await console.open(command.target or command.text))
    if verb == "openevent":
        return ConsoleState(opened=(await console.open(command.target, command.opened)).number)
    if verb == "close":
        return ConsoleState(opened=command.opened, facts={"closed": await console.close(command.opened)})
    if verb == "state":
        return picture(console, console.object(command.opened), command.target) if command.opened else overview(console, address)
    if verb in measuring.VERBS:
        return await measuring.carry_out(console, command)
    if verb == "messages":
        return spoken(console)
    if verb == "answer":
        return _answer(console, command)
    if verb == "settle":
        opened = console.object(command.opened)
        await settled(console, opened, (command.timeout_ms or DEFAULT_MS) / 1000)
        return picture(console, console.object(command.opened))
    return _operate(console, command)


def _operate(console: Console, command: ConsoleCommand) -> ConsoleState:
    if command.verb == "click":
        console.click(command.opened, command.target)
    elif command.verb == "type":
        console.type(command.opened, command.target, command.text)
    elif command.verb == "select":
        item = console.find(console.object(command.opened), command.target)
        raise OperatorError(Err.ERR_INVALID_REFID_TYPE, f"{item.id} is a {item.kind.name}: it has no items to select")
    else:
        raise OperatorError(Err.ERR_NOT_SUPPORTED, f"a console knows no {command.verb!r}")
    return ConsoleState(opened=command.opened)


def _answer(console: Console, command: ConsoleCommand) -> ConsoleState:
    """target: number of the question, or empty for the oldest; text: yes, no or dontknow."""
    choice = command.text.casefold()
    if choice not in CHOICES:
        raise OperatorError(Err.ERR_RANGE_ERROR, f"an answer is one of {', '.join(CHOICES)}, not {command.text!r}")
    questions = console.desk.questions
    if command.target and not command.target.isdecimal():
        matching = [q.id for q in questions.values() if q.text == command.target]
        number = matching[0] if matching else 0
    else:
        number = int(command.target) if command.target else next(iter(questions), 0)
    if not console.desk.answer(number, choice):
        raise OperatorError(Err.ERR_TRANS_IGNORED, "there is no such question")
    return spoken(console)


async def serve(console: Console, message: Message, link: Link, address: str = "") -> None:
    """Carry out one CONSOLE request and answer it, whatever happens."""
    try:
        answer: Payload = await carry_out(console, unpack(ConsoleCommand, message.payload), address)
        kind = Kind.REPLY
    except msgspec.MsgspecError as error:
        kind, answer = Kind.FAILED, _failed(Err.ERR_PARAM_TYPE, f"not a console command: {error}")
    except OperatorError as error:
        kind, answer = Kind.FAILED, _failed(error.error, str(error))
    except RequestFailed as error:
        kind, answer = Kind.FAILED, _failed(error.error, error.text, error.extended)
    link.send(Message(kind=kind, lane=message.lane, source=message.target, target=message.source, object=message.object,
                      corr=message.corr, payload=pack(answer)))


def _failed(error: Any, text: str, extended: int = 0) -> Failed:
    return Failed(error=int(error), extended=extended, text=text)
