"""Both experiments on one kernel: `export.py NAME | PEERS/bin/python compare.py N`. Prints time to compile and to run, and the check.

The check is register 1, as the kernel leaves it. Fuel is counted; the experiment gives it all at once, so that no pause has to be gone on
from in the middle.
"""

import ctypes
import json
import sys
import time

import ahead
import at_run_time
from common import DONE, read_kernel

REPEATS = 5


def run(function, types, n):
    registers = (ctypes.c_int64 * len(types))(*[n if at == 0 else 0 for at in range(len(types))])
    fuel, pc = ctypes.c_int64(2**62), ctypes.c_int64()
    begin = time.process_time()
    how = function(registers, ctypes.byref(fuel), ctypes.byref(pc))
    seconds = time.process_time() - begin
    if how != DONE:
        raise SystemExit(f"the code ended with {how} at {pc.value}")
    return seconds, ctypes.c_double.from_buffer(registers, 8).value, 2**62 - fuel.value


def main():
    given = json.load(sys.stdin)
    code, types = read_kernel(given["rows"], given["constants"]), given["types"]
    builds = {"C by cc -O1": lambda: ahead.compiled(code, types, "-O1"), "C by cc -O2": lambda: ahead.compiled(code, types),
              "LLVM level 1": lambda: at_run_time.compiled(code, types, 1), "LLVM level 2": lambda: at_run_time.compiled(code, types)}
    for name, build in builds.items():
        build()  # the first time loads the compiler
        begin = time.perf_counter()
        function, alive = build()
        made = time.perf_counter() - begin
        found = sorted(run(function, types, int(sys.argv[1])) for _ in range(REPEATS))
        seconds, check, fuel = found[REPEATS // 2]
        print(f"{name}: compiled in {made * 1e3:.1f} ms, ran {seconds * 1e3:.2f} ms, check {check:.10g}, fuel {fuel}")
        del alive


main()
