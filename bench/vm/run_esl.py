"""Kernels of bench/vm in hisee: arguments NAME N, prints seconds and the check.

Everything that a script has is on: validity, overflow, bounds, fuel; only the slice is longer than on a server, and fuel suffices.
"""

import sys
import time
from pathlib import Path

from hisee._core.values import decode, encode
from hisee._core.vm import Script, Status, Unit
from hisee.esl import ObjectContext, ObjectEntry, compile_source

STRUCTURES = {
    "SD.Flag": [("Prime", "BOOL")],
    "SD.Cell": [("V", "REAL")],
    "SD.Item": [("Id", "INT"), ("Qty", "INT"), ("Price", "REAL"), ("Active", "BOOL")],
    "SD.Body": [(name, "REAL") for name in ("X", "Y", "Z", "Vx", "Vy", "Vz", "M")],
}
ENTRIES = {name.lower(): ObjectEntry(name, 201 + at, "structure", columns=columns) for at, (name, columns) in enumerate(STRUCTURES.items())}
SLICE = 100_000
LIMITS = {"fuel_per_event": 10**12}


class Names:
    """The structures that the kernels use."""

    def object(self, name: str) -> ObjectEntry | None:
        return ENTRIES.get(name.lower())

    def names(self) -> list[str]:
        return [entry.name for entry in ENTRIES.values()]


def unit_of(name: str, without: frozenset[str] = frozenset()) -> bytes:
    """The compiled kernel."""
    text = Path(__file__).with_name(f"{name}.esl").read_text()
    context = ObjectContext(kind="script", server_script=False, directory=Names())
    compiled = compile_source(text, name=name, context=context, without=without)
    if compiled.unit is None:
        raise SystemExit(f"{name}.esl: {compiled.diagnostics}")
    return compiled.unit


def script_of(name: str) -> Script:
    return Script(Unit(unit_of(name)), None, None, LIMITS, None)


def run(script: Script, n: int) -> tuple[float, float]:
    """Seconds and check of `Kernel(n)`."""
    kernel = [procedure.name for procedure in script.unit.procedures].index("Kernel")
    script.start(kernel, encode([n, 0.0]))
    begin = time.process_time()
    while script.run(SLICE) is Status.SLICE:
        pass
    seconds = time.process_time() - begin
    if script.status is not Status.DONE:
        raise SystemExit(f"{script.unit.name}: {script.failure}")
    return seconds, float(decode(script.results())[1])


if __name__ == "__main__":
    print("{:.9f} {:.10g}".format(*run(script_of(sys.argv[1]), int(sys.argv[2]))))
