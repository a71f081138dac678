"""LLVM at run time: instructions to LLVM's own through llvmlite, compiled in the process."""

import ctypes

import llvmlite.binding as llvm
from common import DONE, LEAST, OUT_OF_RANGE, PAUSE, TRAP
from llvmlite import ir

INT, REAL, BIT = ir.IntType(64), ir.DoubleType(), ir.IntType(1)
LARGEST = 1.7976931348623157e308


class Translator:
    """One function: a block for each instruction, registers in memory of the function, which LLVM makes values of."""

    def __init__(self, code, types):
        self.code, self.types = code, types
        self.module = ir.Module("kernel")
        pointer = INT.as_pointer()
        self.function = ir.Function(self.module, ir.FunctionType(ir.IntType(32), [pointer] * 3), "kernel")
        self.blocks = [self.function.append_basic_block(f"at_{ins.pc}") for ins in code]
        self.entry = self.function.append_basic_block("entry")
        self.function.blocks.remove(self.entry)
        self.function.blocks.insert(0, self.entry)
        self.b = ir.IRBuilder(self.entry)
        self.finite = self.module.declare_intrinsic("llvm.fabs", [REAL])

    def module_text(self):
        kinds = [INT if letter == "I" else REAL for letter in self.types]
        self.r = [self.b.alloca(kind) for kind in kinds]
        self.budget = self.b.alloca(INT)
        for number, kind in enumerate(kinds):
            self.b.store(self.b.load(self.b.bitcast(self.slot(number), kind.as_pointer())), self.r[number])
        self.b.store(self.b.load(self.function.args[1]), self.budget)
        self.b.branch(self.blocks[0])
        for ins in self.code:
            self.b.position_at_end(self.blocks[ins.pc])
            self.translate(ins)
            if not self.b.block.is_terminated:
                self.b.branch(self.blocks[ins.pc + 1])
        return str(self.module)

    def slot(self, number):
        return self.b.gep(self.function.args[0], [ir.Constant(ir.IntType(32), number)])

    def get(self, number):
        return self.b.load(self.r[number])

    def put(self, number, value):
        self.b.store(value, self.r[number])

    def invalid(self, value):
        return self.b.icmp_signed("<", value, INT(LEAST))

    def add(self, b, c):
        pair = self.b.sadd_with_overflow(b, c)
        result, over = self.b.extract_value(pair, 0), self.b.extract_value(pair, 1)
        bad = self.b.or_(self.b.or_(over, self.invalid(b)), self.b.or_(self.invalid(c), self.invalid(result)))
        fault = self.b.select(self.invalid(b), b, self.b.select(self.invalid(c), c, INT(OUT_OF_RANGE)))
        return self.b.select(bad, fault, result)

    def mod(self, b, c):
        rest = self.b.srem(b, INT(c))
        rest = self.b.select(self.b.icmp_signed("<", rest, INT(0)), self.b.add(rest, INT(c)), rest)
        return self.b.select(self.invalid(b), b, rest)

    def infinite(self, value):
        return self.b.not_(self.b.fcmp_ordered("<=", self.b.call(self.finite, [value]), REAL(LARGEST)))

    def divide(self, b, c):
        bad = self.b.or_(self.infinite(c), self.b.fcmp_ordered("==", c, REAL(0.0)))
        return self.b.select(bad, REAL(float("nan")), self.b.fdiv(b, c))

    def end(self, how, pc):
        for number in range(len(self.types)):
            self.b.store(self.b.bitcast(self.get(number), INT), self.slot(number))
        self.b.store(self.b.load(self.budget), self.function.args[1])
        self.b.store(INT(pc), self.function.args[2])
        self.b.ret(ir.IntType(32)(how))

    def trap_if(self, test, pc, how=TRAP):
        with self.b.if_then(test, likely=False):
            self.end(how, pc)

    def back(self, target):
        left = self.b.sub(self.b.load(self.budget), INT(1))
        self.b.store(left, self.budget)
        self.trap_if(self.b.icmp_signed("<=", left, INT(0)), target, PAUSE)
        self.b.branch(self.blocks[target])

    def branch(self, test, ins):
        self.b.cbranch(test, self.blocks[ins.target], self.blocks[ins.pc + 1])

    def translate(self, i):
        b, get = self.b, self.get
        simple = {
            "LOADI_I": lambda: INT(i.wide), "LOADI_R": lambda: REAL(float(i.wide)), "MOV_I": lambda: get(i.b), "MOV_R": lambda: get(i.b),
            "ADD_I": lambda: self.add(get(i.b), get(i.c)), "ADDI_I": lambda: self.add(get(i.b), INT(i.c_small)),
            "MODI_I": lambda: self.mod(get(i.b), i.c_small), "ADD_R": lambda: b.fadd(get(i.b), get(i.c)),
            "SUB_R": lambda: b.fsub(get(i.b), get(i.c)), "MUL_R": lambda: b.fmul(get(i.b), get(i.c)),
            "MULK_R": lambda: b.fmul(get(i.b), REAL(i.constant)), "SUBK_R": lambda: b.fsub(get(i.b), REAL(i.constant)),
            "DIV_R": lambda: self.divide(get(i.b), get(i.c)),
            "CVT_IR": lambda: b.select(self.invalid(get(i.b)), REAL(float("nan")), b.sitofp(get(i.b), REAL)),
        }
        if i.name in simple:
            self.put(i.a, simple[i.name]())
        elif i.name == "LOOP":
            self.back(i.target)
        elif i.name == "JUMP":
            b.branch(self.blocks[i.target])
        elif i.name == "RET":
            self.end(DONE, i.pc)
        elif i.name == "FOR_PREP":
            self.trap_if(b.or_(self.invalid(get(i.a)), self.invalid(get(i.b))), i.pc)
            self.branch(b.icmp_signed(">", get(i.a), get(i.b)), i)
        elif i.name == "FOR":
            self.trap_if(self.invalid(get(i.a)), i.pc)
            with b.if_then(b.icmp_signed("<", get(i.a), get(i.b))):
                self.put(i.a, b.add(get(i.a), INT(1)))
                self.back(i.target)
            self.put(i.a, self.add(get(i.a), INT(1)))
        elif i.name.startswith("BRI"):
            self.trap_if(self.invalid(get(i.a)), i.pc)
            self.branch(b.icmp_signed(i.relation, get(i.a), INT(i.b_small)), i)
        else:
            self.trap_if(self.infinite(get(i.a)), i.pc)
            self.branch(b.fcmp_ordered(i.relation, get(i.a), REAL(i.constant)), i)


def compiled(code, types, level=2):
    """The function, and the engine that has to live as long as it does."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(Translator(code, types).module_text())
    module.verify()
    machine = llvm.Target.from_default_triple().create_target_machine(opt=level)
    passes = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=level))
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    pointer = ctypes.POINTER(ctypes.c_int64)
    function = ctypes.CFUNCTYPE(ctypes.c_int, pointer, pointer, pointer)(engine.get_function_address("kernel"))
    return function, engine
