"""C ahead of time: instructions to C, compiled by the system's compiler, loaded as a library."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

from common import DONE, LEAST, OUT_OF_RANGE, PAUSE, TRAP

HEAD = f"""
#include <math.h>
#include <stdint.h>
#define LEAST ({LEAST + 1} - 1)
enum {{ DONE = {DONE}, TRAP = {TRAP}, PAUSE = {PAUSE} }};
#define NEVER(test) __builtin_expect(!!(test), 0)
#define END(how, at) do {{ *pc = (at); result = (how); goto out; }} while (0)
static int64_t fault(int64_t b, int64_t c) {{ return b < LEAST ? b : c < LEAST ? c : {OUT_OF_RANGE + 1} - 1; }}
static inline int64_t add(int64_t b, int64_t c)
{{ int64_t r; return NEVER(__builtin_add_overflow(b, c, &r) | (b < LEAST) | (c < LEAST) | (r < LEAST)) ? fault(b, c) : r; }}
static inline int64_t mod(int64_t b, int64_t c) {{ if (NEVER(b < LEAST)) return b; int64_t r = b % c; return r < 0 ? r + c : r; }}
static inline int infinite(double r) {{ return !(fabs(r) <= 1.7976931348623157e308); }}
static inline double real(int64_t i) {{ return NEVER(i < LEAST) ? NAN : (double)i; }}
static inline double divide(double b, double c) {{ return NEVER(infinite(c) | (c == 0)) ? NAN : b / c; }}
union slot {{ int64_t i; double r; }};
int kernel(union slot *R, int64_t *fuel, int64_t *pc)
{{
    int64_t budget = *fuel;
    int result;
"""
WORDS = {
    "LOADI_I": "i{a} = {wide};", "LOADI_R": "r{a} = {wide}.0;", "MOV_I": "i{a} = i{b};", "MOV_R": "r{a} = r{b};",
    "ADD_I": "i{a} = add(i{b}, i{c});", "ADDI_I": "i{a} = add(i{b}, {c_small});", "MODI_I": "i{a} = mod(i{b}, {c_small});",
    "CVT_IR": "r{a} = real(i{b});", "ADD_R": "r{a} = r{b} + r{c};", "SUB_R": "r{a} = r{b} - r{c};", "MUL_R": "r{a} = r{b} * r{c};",
    "MULK_R": "r{a} = r{b} * {constant!r};", "SUBK_R": "r{a} = r{b} - {constant!r};", "DIV_R": "r{a} = divide(r{b}, r{c});",
    "LOOP": "if (NEVER(--budget <= 0)) END(PAUSE, {target}); goto at_{target};",
    "JUMP": "goto at_{target};",
    "RET": "END(DONE, {pc});",
    "FOR_PREP": "if (NEVER((i{a} < LEAST) | (i{b} < LEAST))) END(TRAP, {pc}); if (i{a} > i{b}) goto at_{target};",
    "FOR": ("if (NEVER(i{a} < LEAST)) END(TRAP, {pc}); if (i{a} < i{b}) {{ i{a}++; if (NEVER(--budget <= 0)) END(PAUSE, {target}); "
            "goto at_{target}; }} i{a} = add(i{a}, 1);"),
    "BRI": "if (NEVER(i{a} < LEAST)) END(TRAP, {pc}); if (i{a} {relation} {b_small}) goto at_{target};",
    "BRK": "if (NEVER(infinite(r{a}))) END(TRAP, {pc}); if (r{a} {relation} {constant!r}) goto at_{target};",
}


def source(code, types):
    names = [("i" if letter == "I" else "r") + str(number) for number, letter in enumerate(types)]
    lines = [f"    {'int64_t' if name[0] == 'i' else 'double'} {name} = R[{name[1:]}].{name[0]};" for name in names]
    for ins in code:
        word = WORDS.get(ins.name) or WORDS[ins.name[:3]]
        lines.append(f"at_{ins.pc}: __attribute__((unused)); {word.format(**vars(ins))}")
    stores = "".join(f"    R[{name[1:]}].{name[0]} = {name};\n" for name in names)
    return HEAD + "\n".join(lines) + f"\nout:\n{stores}    *fuel = budget;\n    return result;\n}}\n"


def compiled(code, types, optimise="-O2"):
    """The function, and the folder that has to live as long as it does."""
    folder = tempfile.TemporaryDirectory()
    text, library = Path(folder.name, "kernel.c"), Path(folder.name, "kernel.so")
    text.write_text(source(code, types))
    subprocess.run(["cc", optimise, "-ffp-contract=off", "-shared", "-fPIC", "-o", str(library), str(text), "-lm"], check=True)
    function = ctypes.CDLL(str(library)).kernel
    return function, folder
