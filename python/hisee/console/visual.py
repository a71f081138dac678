"""Picture functions: carries out the %HI_ rows of the picture function table on a picture state. Knows no message and no link."""

from __future__ import annotations

from typing import Any, Protocol

from hisee.console.picture import INVALID, PictureState, VisualError
from hisee.schema import picture_functions
from hisee.schema.errors import Err
from hisee.values import Invalid

SHORTEST_PERIOD_MS = 20
LONGEST_PERIOD_MS = 3_600_000

# What each row sets or gets; rows of the table without an entry here are refused with _ERR_NOT_SUPPORTED.
SETS: dict[str, tuple[str, ...]] = {
    "%HI_SetText": ("text",),
    "%HI_SetVisible": ("visible",),
    "%HI_SetEnable": ("enabled",),
    "%HI_SetPosX": ("x",),
    "%HI_SetPosY": ("y",),
    "%HI_SetPos": ("x", "y"),
    "%HI_SetSizeX": ("width",),
    "%HI_SetSizeY": ("height",),
    "%HI_SetSize": ("width", "height"),
    "%HI_SetBackColor": ("back_color",),
    "%HI_SetForeColor": ("fore_color",),
    "%HI_SetLineColor": ("line_color",),
}
GETS: dict[str, str] = {
    "%HI_GetText": "text",
    "%HI_GetVisible": "visible",
    "%HI_GetEnable": "enabled",
    "%HI_GetPosX": "x",
    "%HI_GetPosY": "y",
    "%HI_GetSizeX": "width",
    "%HI_GetSizeY": "height",
    "%HI_GetBackColor": "back_color",
    "%HI_GetForeColor": "fore_color",
}


class Window(Protocol):
    """What a picture function may do to the opened picture itself."""

    picture: PictureState

    def enable_timer(self, on: bool) -> None: ...
    def set_timer_period(self, period_ms: int) -> None: ...
    def close_soon(self) -> None: ...


def execute(window: Window, function: int, arguments: list[Any]) -> list[Any]:
    """Carry out one function with its IN operands; gives its OUT operands. Raises VisualError."""
    row = picture_functions.BY_NUMBER.get(function)
    if row is None:
        raise VisualError(Err.ERR_NOT_SUPPORTED, f"picture function {function} is not known here")
    if len(arguments) != sum(mode != "OUT" for _, mode, _ in row.operands):
        raise VisualError(Err.ERR_INV_NUM_PARAMS, f"{row.name} has another number of operands")
    if row.name in SETS:
        return _set(window.picture, SETS[row.name], arguments)
    if row.name in GETS:
        return [_get(window.picture, reference(arguments[0]), GETS[row.name])]
    if row.name == "%HI_Exists":
        return [isinstance(arguments[0], int) and window.picture.exists(arguments[0])]
    return _own(window, row.name, arguments)


def reference(value: Any) -> int:
    """The number of a graphical object; an invalid one names none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise VisualError(Err.ERR_UNKNOWN_REFID, "the number of the graphical object is invalid")
    return value


def _set(picture: PictureState, names: tuple[str, ...], arguments: list[Any]) -> list[Any]:
    ref = reference(arguments[0])
    for name, value in zip(names, arguments[1:], strict=True):
        if name == "text":
            _set_text(picture, ref, value)
        else:
            picture.set(ref, name, valid(value))
    return []


def _set_text(picture: PictureState, ref: int, value: Any) -> None:
    """An invalid text shows as `?`, hatched: an operator must not read it as empty."""
    picture.set(ref, "text", "?" if isinstance(value, Invalid) else value)
    picture.set(ref, "quality", INVALID if isinstance(value, Invalid) else 0)


def _get(picture: PictureState, ref: int, name: str) -> Any:
    value = picture.get(ref, name)
    if name == "text" and picture.get(ref, "quality") == INVALID:
        return Invalid(1)
    return value


def _own(window: Window, name: str, arguments: list[Any]) -> list[Any]:
    if name == "%HI_TimerEnable":
        window.enable_timer(typed(arguments[0], bool))
    elif name == "%HI_SetTimerPeriod":
        window.set_timer_period(_period(typed(arguments[0], int)))
    elif name == "%HI_ClosePicture":
        window.close_soon()
    else:
        raise VisualError(Err.ERR_NOT_SUPPORTED, f"{name} is known, but not carried out by this console")
    return []


def _period(period_ms: int) -> int:
    if not SHORTEST_PERIOD_MS <= period_ms <= LONGEST_PERIOD_MS:
        raise VisualError(Err.ERR_RANGE_ERROR, f"a period lies between {SHORTEST_PERIOD_MS} and {LONGEST_PERIOD_MS} ms")
    return period_ms


def valid(value: Any) -> Any:
    if isinstance(value, Invalid):
        raise VisualError(Err.ERR_EXPRESSION_STATUS, "the value is invalid")
    return value


def typed(value: Any, wanted: type) -> Any:
    if type(valid(value)) is not wanted:
        raise VisualError(Err.ERR_PARAM_TYPE, f"needs {wanted.__name__}, not {type(value).__name__}")
    return value
