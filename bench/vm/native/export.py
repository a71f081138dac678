"""The kernel NAME as JSON for the experiments, which run in the peers' environment: instructions, constants, types of registers."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bench.vm.run_esl import unit_of

from hisee.esl.disasm import parse
from hisee.schema.opcodes import BY_NUMBER

unit = parse(unit_of(sys.argv[1]))
code = next(p for p in unit.procedures if p.name == "Kernel")
rows = [[BY_NUMBER[op].name, [a, b, c]] for op, _, a, b, c in code.words]
print(json.dumps({"rows": rows, "constants": unit.constants, "types": ["-BIRM"[kind] for kind, _ in code.registers]}))
