"""What the machine's loop spends on each opcode, from callgrind: `python bench/vm/opcodes.py [KERNEL ...] [--plain]`.

Builds the core beside bench/vm/runner.c, runs each kernel in a small size under callgrind and counts instructions of the processor by the
handler they stand in: how often it ran, instructions for one, and what part of all is dispatch (fetching the opcode and the jump by it).
"""

from __future__ import annotations

import argparse
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.cases.vm import BUILD, SMALL
from bench.vm.run_esl import unit_of

from hisee._core.values import encode
from hisee.schema import fusions, opcodes
from support.c_sources import flags_of, sources_of

C = BUILD.parents[2] / "core/c"
DISPATCH = 3  # instructions: fetch the opcode, go on by one instruction, jump


def runner() -> Path:
    sources = [str(path) for path in sources_of("hisee._core.vm")]
    made = BUILD / "runner"
    BUILD.mkdir(parents=True, exist_ok=True)
    flags = ["-g", "-O2", "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-no-pie", *flags_of("esl_vm"), f"-I{C}"]
    subprocess.run(["gcc", *flags, "-o", str(made), str(Path(__file__).with_name("runner.c")), *sources, "-lm"], check=True)
    return made


def handlers(program: Path) -> dict[int, str]:
    """Address -> name, from the table of jumps in the program."""
    symbols = subprocess.run(["nm", str(program)], capture_output=True, text=True, check=True).stdout
    table = int(next(re.finditer(r"^(\w+) \w targets\.\d+$", symbols, re.MULTILINE)).group(1), 16)
    names = {row.number: row.name for row in opcodes.ROWS} | {row.number: f"*{row.name}" for row in fusions.ROWS}
    addresses = struct.unpack("<256Q", section_bytes(program, table, 2048))
    return {address: names[number] for number, address in enumerate(addresses) if number in names}


def section_bytes(program: Path, address: int, length: int) -> bytes:
    """Bytes of the program as they lie in memory."""
    listing = subprocess.run(["readelf", "-SW", str(program)], capture_output=True, text=True, check=True).stdout
    for found in re.finditer(r"\] \S+ +\w+ +([0-9a-f]{16}) ([0-9a-f]{6,}) ([0-9a-f]{6,})", listing):
        start, offset, size = (int(part, 16) for part in found.groups())
        if start <= address < start + size:
            at = offset + address - start
            return program.read_bytes()[at:at + length]
    raise SystemExit(f"{program}: no section holds {address:#x}")


def instructions(program: Path, unit: Path, arguments: Path, fused: bool) -> dict[int, int]:
    """Address -> instructions that ran there, in the function `loop` and what is inlined in it; 0 -> all others."""
    out = unit.with_suffix(".callgrind")
    subprocess.run(["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", f"--callgrind-out-file={out}", str(program),
                    str(unit), str(arguments), str(int(fused))], check=True, capture_output=True)
    found: Counter[int] = Counter()
    names: dict[str, str] = {}
    function, call = "", False
    for line in out.read_text().splitlines():
        if line.startswith(("fn=", "cfn=")):  # whichever comes first has the name
            kind, _, rest = line.partition("=")
            number, _, name = rest.partition(" ")
            name = names.setdefault(number, name)
            function = name if kind == "fn" else function
        elif line.startswith("calls="):
            call = True
        elif line.startswith("0x"):
            address, *_, cost = line.split()
            if not call:
                found[int(address, 16) if function == "loop" else 0] += int(cost)
            call = False
    return found


def report(kernel: str, program: Path, fused: bool) -> None:
    unit, arguments = BUILD / f"{kernel}.unit", BUILD / f"{kernel}.arguments"
    unit.write_bytes(unit_of(kernel))
    arguments.write_bytes(encode([SMALL[kernel], 0.0]))
    found = instructions(program, unit, arguments, fused)
    starts = handlers(program)
    edges = sorted(starts)
    by_name: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    for address, count in found.items():
        start = max((edge for edge in edges if edge <= address), default=0)
        by_name[starts.get(start, "outside the loop")] += count
        if address in starts:
            runs[starts[address]] += count
    total, dispatched = sum(found.values()), sum(runs.values())
    print(f"\n{kernel}: {total:,} instructions, {dispatched:,} dispatches, dispatch {DISPATCH * dispatched / total:.0%}")
    for name, count in by_name.most_common(14):
        each = f"{count / runs[name]:.1f} each" if runs[name] else ""
        print(f"  {name:18} {count / total:6.1%} {runs[name]:12,} times {each}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"of {', '.join(SMALL)}; none = all")
    parser.add_argument("--plain", action="store_true", help="without the loader's own instructions")
    given = parser.parse_args()
    program = runner()
    for kernel in given.kernels or SMALL:
        report(kernel, program, not given.plain)


if __name__ == "__main__":
    main()
