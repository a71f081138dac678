# cython: annotation_typing=False, infer_types=True, nonecheck=True, initializedcheck=False
"""Code of unit events: each instance is generated into the unit of the script that declares it.

Its variables are registers of the script's init part, its procedures are procedures named `_unit.Name`; nothing of it can be called
from outside.
"""

from __future__ import annotations

from typing import cast

from hisee.esl.front import ops as Op
from hisee.esl.front.assembler import ProcedureBuilder
from hisee.esl.front.checker import Checker
from hisee.esl.front.checker_units import UnitUse
from hisee.esl.front.codegen_flow import FlowCode
from hisee.esl.front.symbols import Place


class UnitCode(FlowCode):
    def generate_units(self, init: ProcedureBuilder, prefix: str) -> None:
        """All instances of this text, and theirs in turn."""
        self.subs: dict[str, UnitCode] = {}
        uses: dict[str, UnitUse] = self.checked.units
        for key, use in uses.items():
            sub = self.subs[key] = type(self)(self.unit, cast(Checker, use.checked), self.without)
            sub.inner = True
            sub.generate_inner(init, f"{prefix}{use.name}")

    def generate_inner(self, init: ProcedureBuilder, name: str) -> None:
        raise NotImplementedError

    def start_units(self) -> None:
        """The init parts of the instances, in front of everything else."""
        uses: dict[str, UnitUse] = self.checked.units
        for key, use in uses.items():
            self.action(use.node)
            self.emit(Op.CALL, self.unit.call(self.subs[key].builders[0], []))

    def call_unit(self, node: int) -> None:
        tree = self.tree
        sub = self.subs[self.checked.folded(tree.a[node])]
        procedure = sub.checked.by_name[self.checked.folded(tree.b[node])]
        backs: list[tuple[Place, int, int]] = []
        args = tree.items(tree.c[node])
        given = [self.argument_for(arg, parameter, backs) for arg, parameter in zip(args, procedure.parameters, strict=True)]
        self.emit(Op.CALL, self.unit.call(sub.builders[procedure.index], given))
        for place, register, kind in backs:
            self.copy_back(place, register, kind)
