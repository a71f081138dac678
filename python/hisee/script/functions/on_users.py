"""Users of scripts. Nobody logs on to this system yet, so each function answers as for nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hisee.script.functions.registry import RANGE, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

UNKNOWN_USER = 1


@function("%UserName")
@function("%UserDesc")
@function("%UserLanguage")
def nobody(own: Functions) -> str:
    return ""


@function("%UserHBJ")
def no_number(own: Functions) -> int:
    return 0


@function("%UserIsAdmin")
def user_is_admin(own: Functions) -> bool:
    return False


@function("%UserInGroup")
def user_in_group(own: Functions, group: str) -> bool:
    return False


@function("%UserRight")
def user_right(own: Functions, object: int) -> int:
    return 0


@function("%UserCan")
def user_can(own: Functions, object: int, right: int) -> Any:
    return right == 0 if 0 <= right <= 3 else RANGE


@function("%UserCheck")
def user_check(own: Functions, name: str, password: str) -> int:
    return UNKNOWN_USER


@function("%UserLogon")
def user_logon(own: Functions, name: str, password: str) -> bool:
    return False


@function("%UserLogoff")
def user_logoff(own: Functions) -> None:
    """Nobody is logged on."""
