"""What Python sees of the embedding API: the declarations of core/c/hisee.h, compiled out of line by setup.py."""

from __future__ import annotations

import re
from pathlib import Path

from cffi import FFI

HEADER = Path(__file__).resolve().parents[3] / "core/c/hisee.h"


def declarations(text: str) -> str:
    """The header without comments and directives, and its two kinds of numbers as cffi wants them."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    numbers = "".join(f"#define {name} ...\n" for name in re.findall(r"#define (HISEE_[A-Z]+) ", bare))
    return numbers + "\n".join(line for line in bare.splitlines() if not line.startswith("#"))


ffi = FFI()
ffi.cdef(declarations(HEADER.read_text()))
ffi.set_source("hisee._ext.embed", '#include "hisee.h"')
