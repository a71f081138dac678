"""Values as text, the way %ToStr writes them; used where the host itself prints (LOG)."""

from __future__ import annotations

import datetime as dt

from hisee._core.values import real_text
from hisee.values import Invalid, Time


def to_str(value: object) -> str:
    """Text of a value; invalid is `?`, line breaks stay (whoever writes a line escapes them)."""
    if isinstance(value, Invalid) or value is None:
        return "?"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, Time):
        return dt.datetime.fromtimestamp(int(value) / 1000).astimezone().strftime("%H:%M:%S %d-%m-%Y")
    if isinstance(value, float):
        return real_text(value)
    return str(value)
