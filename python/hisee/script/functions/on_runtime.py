"""Helpers of a running script: names of errors, assertions, traces, counters."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hisee.schema.errors import BY_NUMBER, Err
from hisee.script.functions.registry import NO_DATA, Raised, function
from hisee.values import Invalid

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

log = logging.getLogger("hisee.script.trace")


@function("%ErrName")
def err_name(own: Functions, code: int) -> Any:
    row = BY_NUMBER.get(code)
    return NO_DATA if row is None else row.name


@function("%ErrText")
def err_text(own: Functions, code: int) -> Any:
    row = BY_NUMBER.get(code)
    return NO_DATA if row is None else row.text


@function("%Assert")
def assert_(own: Functions, condition: Any, text: Any) -> None:
    if isinstance(condition, Invalid) or not condition:
        raise Raised(Err.ERR_ASSERT, "" if isinstance(text, Invalid) else text)


@function("%Trace")
def trace(own: Functions, text: str) -> None:
    log.info("%s line %d: %s", own.owner.object, own.owner.script.line, text[:1000].replace("\n", "\\n").replace("\r", "\\r"))


@function("%MemUsed")
def mem_used(own: Functions) -> int:
    return int(own.owner.script.memory_used)


@function("%CntCount")
def cnt_count(own: Functions) -> int:
    return len(own.owner.script.containers)


@function("%HandleCount")
def handle_count(own: Functions) -> int:
    return len(own.handles)
