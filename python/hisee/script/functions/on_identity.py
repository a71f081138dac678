"""Who and where a script is."""

from __future__ import annotations

import os
import sys
import uuid
from typing import TYPE_CHECKING, Any

from hisee.channel.payloads import CallChain
from hisee.script.functions.on_objects import number_of
from hisee.script.functions.registry import NO_DATA, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions


@function("%GetCallChain")
def get_call_chain(own: Functions) -> str:
    """Of a process that is gone meanwhile, and of those behind it, there are no lines."""
    found, seen = own.owner.chain(), set[int]()
    lines = lines_of(own, found)
    while found.caller and found.caller not in seen:
        seen.add(found.caller)
        try:
            found = own.site.chain(found.caller)
        except OSError:
            break
        lines += lines_of(own, found)
    return "\n".join(lines)


def lines_of(own: Functions, chain: CallChain) -> list[str]:
    number = number_of(own, chain.object)
    shown = f"({number})" if isinstance(number, int) and number else ""
    return [f"{chain.process};{chain.object}{shown} {chain.number};{procedure}: {line}" for procedure, line in chain.frames]


@function("%GetLastExtErrorCode")
def get_last_ext_error_code(own: Functions) -> int:
    return own.owner.database_error[0]


@function("%GetLastExtErrorMsg")
def get_last_ext_error_msg(own: Functions) -> str:
    return own.owner.database_error[1]


@function("%ESLProfileStart")
def esl_profile_start(own: Functions, on: bool) -> None:
    own.site.profile(on)


@function("%HI_GetSelfInstanceID")
@function("%ScriptInstance")
def script_instance(own: Functions) -> int:
    return own.owner.number


@function("%ScriptName")
def script_name(own: Functions) -> str:
    return own.owner.object


@function("%ProcName")
def proc_name(own: Functions) -> str:
    return own.owner.name


@function("%ProcHBJ")
def proc_hbj(own: Functions) -> int:
    return own.owner.number


@function("%HostName")
def host_name(own: Functions) -> str:
    return own.site.host


@function("%AppName")
def app_name(own: Functions) -> str:
    return own.site.system


@function("%Version")
def version(own: Functions) -> str:
    return own.site.version


@function("%LineNr")
def line_nr(own: Functions) -> int:
    return int(own.owner.script.line)


@function("%InDebug")
def in_debug(own: Functions) -> bool:
    return sys.gettrace() is not None


@function("%GetEnv")
def get_env(own: Functions, name: str) -> Any:
    value = os.environ.get(name) if name in own.site.rules.environment else None
    return NO_DATA if value is None else value


@function("%GetParam")
def get_param(own: Functions, name: str, default: str) -> str:
    wanted = name.casefold()
    return next((value for key, value in own.site.rules.parameters.items() if key.casefold() == wanted), default)


@function("%Guid")
def guid(own: Functions) -> str:
    return str(uuid.UUID(bytes=own.site.seams.rng.secret(16), version=4))
