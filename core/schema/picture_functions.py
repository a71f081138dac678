"""Picture functions: the %HI_ calls. They are actions too (numbers from 200 up, one number space with the action table).

SET functions return nothing, are queued and never wait; GET functions are a round trip and carry their result as the last,
OUT operand. Operand `refid` is the number of a graphical object.
"""

from dataclasses import dataclass, field

from actions import signature_of
from table import Table


@dataclass(frozen=True)
class PictureFunction:
    """operands as in the action table; `result` is the type of a GET, else empty; `elements`: kinds of graphical objects."""

    number: int
    name: str
    operands: tuple[tuple[str, str, str], ...]
    result: str
    waits: str
    elements: str
    doc: str
    lane: str = "visual"
    effect: str = "command"
    implementor: str = "HIP"
    signature: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "signature", signature_of(self.operands))


REF = ("refid", "IN", "INT")


def setter(number: int, name: str, doc: str, *values: tuple[str, str], elements: str = "any") -> PictureFunction:
    operands = (REF, *((n, "IN", t) for n, t in values))
    return PictureFunction(number, f"%HI_{name}", operands, "", "never", elements, doc)


def getter(number: int, name: str, result: str, doc: str, elements: str = "any") -> PictureFunction:
    operands = (REF, ("result", "OUT", result))
    return PictureFunction(number, f"%HI_{name}", operands, result, "always", elements, doc, effect="read")


def own(number: int, name: str, doc: str, *values: tuple[str, str]) -> PictureFunction:
    """A function of the own picture: no graphical object."""
    return PictureFunction(number, f"%HI_{name}", tuple((n, "IN", t) for n, t in values), "", "never", "picture", doc)


FUNCTIONS = [
    setter(200, "SetText", "text shown by the object", ("text", "TEXT"), elements="text"),
    getter(201, "GetText", "TEXT", "text shown by or typed into the object", elements="text"),
    setter(202, "SetVisible", "show or hide", ("on", "BOOL")),
    getter(203, "GetVisible", "BOOL", "is it shown?"),
    setter(204, "SetEnable", "allow or refuse operation", ("on", "BOOL")),
    getter(205, "GetEnable", "BOOL", "may it be operated?"),
    setter(206, "SetPosX", "left edge in picture units", ("x", "INT")),
    getter(207, "GetPosX", "INT", "left edge in picture units"),
    setter(208, "SetPosY", "upper edge in picture units", ("y", "INT")),
    getter(209, "GetPosY", "INT", "upper edge in picture units"),
    setter(210, "SetPos", "both edges at once", ("x", "INT"), ("y", "INT")),
    setter(211, "SetSizeX", "width in picture units", ("width", "INT")),
    getter(212, "GetSizeX", "INT", "width in picture units"),
    setter(213, "SetSizeY", "height in picture units", ("height", "INT")),
    getter(214, "GetSizeY", "INT", "height in picture units"),
    setter(215, "SetSize", "width and height at once", ("width", "INT"), ("height", "INT")),
    setter(216, "SetBackColor", "fill colour 0xRRGGBB as number, -1 = none", ("colour", "INT")),
    getter(217, "GetBackColor", "INT", "fill colour, -1 = none"),
    setter(218, "SetForeColor", "colour of the text, -1 = default", ("colour", "INT")),
    getter(219, "GetForeColor", "INT", "colour of the text, -1 = default"),
    setter(220, "SetLineColor", "colour of the outline, -1 = none", ("colour", "INT")),
    PictureFunction(221, "%HI_Exists", (REF, ("result", "OUT", "BOOL")), "BOOL", "always", "any",
                    "is there a graphical object of that number? Never fails", effect="read"),
    own(240, "TimerEnable", "switch the event OnTimer of the own picture", ("on", "BOOL")),
    own(241, "SetTimerPeriod", "period of OnTimer in milliseconds; 125 at the start", ("period", "INT")),
    own(242, "ClosePicture", "close the own picture"),
]

TABLE = Table("picture_functions", "PictureFunction", FUNCTIONS, "Picture functions (%HI_): graphical objects as a script sees them.",
              in_c=("waits", "signature"))
