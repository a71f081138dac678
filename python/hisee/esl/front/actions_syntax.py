# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parsing the actions that have clauses of their own: CALL, DELAY, WAIT, LOG, MESSAGE, QUERY, DB_*."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.calls_syntax import CallSyntax
from hisee.esl.front.expressions import SyntaxFault, shown_word
from hisee.esl.front.lexer import Source, Tokens


class ActionSyntax(CallSyntax):
    """Each method parses one action from its first word on; the end of the line is the caller's."""

    def __init__(self, source: Source, tokens: Tokens, nesting: int) -> None:
        super().__init__(source, tokens, nesting)
        self.unit_names: set[int] = set()  # variables declared with UNIT
        self.unit_allowed = False  # `[ms]` behind the number that stands here is a unit, not an index

    def word_action(self, word: int) -> int:
        if word == K.W_CALL:
            return self.call(self.start(), -1)
        if word == K.W_LOG:
            return self.log()
        if word == K.W_LOGEX:
            return self.logex()
        if word == K.W_RETURN:
            return self.bare(K.N_RETURN)
        if word == K.W_RETRY:
            return self.bare(K.N_RETRY)
        if word == K.W_RESUME:
            return self.bare(K.N_RESUME)
        if word == K.W_END:
            return self.end_action()
        if word == K.W_WAIT:
            return self.wait()
        if word == K.W_DELAY:
            return self.delay()
        if word == K.W_MESSAGE:
            return self.message()
        if word == K.W_QUERY:
            raise self.unexpected("the target of `:=` before QUERY", "write `_answer := QUERY \"text\" TIMEOUT 30`")
        if K.W_DB_CONNECT <= word <= K.W_DBS_DELETE:
            return self.database(word)
        return CallSyntax.word_action(self, word)

    def bare(self, kind: int) -> int:
        """An action that is its word."""
        start = self.start()
        self.advance()
        return self.node(kind, start)

    def end_action(self) -> int:
        node = self.bare(K.N_END)
        if self.kind == K.T_NAME:
            raise self.unexpected("the end of the line", "END with a name closes a procedure; none is open here")
        return node

    def fault_here(self, construct: str) -> SyntaxFault:
        return SyntaxFault("ESL1003", self.start(), self.end(), construct=construct)

    # time
    def wait(self) -> int:
        start = self.start()
        node = self.bare(K.N_WAIT)
        return node if self.at_line_end() else self.wait_for(start)

    def wait_for(self, start: int) -> int:
        """condition [TIMEOUT n [unit]] [, variable]"""
        condition, seconds, unit = self.expression(), -1, 1
        if self.accept_word(K.W_TIMEOUT):
            seconds = self.amount()
            unit = self.unit()
        variable = self.reference("a variable") if self.accept(K.T_COMMA) else -1
        return self.node(K.N_WAIT_FOR, start, condition, seconds, unit, variable)

    def delay(self) -> int:
        start = self.start()
        self.advance()
        amount = self.amount()
        return self.node(K.N_DELAY, start, amount, self.unit())

    def amount(self) -> int:
        """An expression behind which a unit may stand."""
        self.unit_allowed = True
        amount = self.expression()
        self.unit_allowed = False
        return amount

    def unit(self) -> int:
        """[`[`ms|s|m|h`]`]: the number of the unit."""
        if not self.unit_here():
            return 1
        unit = self.word_ahead(1) - K.W_MS
        self.move(self.at + 3)
        return unit

    def unit_here(self) -> bool:
        return self.kind == K.T_LBRACKET and K.W_MS <= self.word_ahead(1) <= K.W_H and self.ahead(2) == K.T_RBRACKET

    def unit_follows(self) -> bool:
        return self.unit_allowed and self.unit_here()

    # CALL
    def call(self, start: int, result: int) -> int:
        self.advance()
        if self.kind == K.T_LBRACKET:
            return self.call_other(start, result)
        if result >= 0:
            raise self.unexpected("`[`", "a return code is given by CALL [] only")
        name_at = self.at
        name = self.expect_name(K.T_NAME, "a procedure")
        args = self.call_arguments()
        return self.node(K.N_CALL, start, name, args, name_at)

    def call_unit(self, start: int) -> int:
        self.advance()
        unit = self.tokens.value[self.advance()]
        self.advance()
        name = self.expect_name(K.T_NAME, "a procedure of the unit")
        return self.tree.add(K.N_CALL_UNIT, start, self.last_end(), unit, name, self.call_arguments())

    def names_unit(self) -> bool:
        """Does `[_u]` stand here, with the variable of a unit?"""
        return self.ahead(1) == K.T_LOCAL and self.tokens.value[self.at + 1] in self.unit_names and self.ahead(2) == K.T_RBRACKET

    def call_other(self, start: int, result: int) -> int:
        if result < 0 and self.names_unit():
            return self.call_unit(start)
        self.advance()
        if self.kind != K.T_RBRACKET:
            return self.call_object(start, result)
        self.advance()
        if self.kind == K.T_CARET:
            raise self.fault_here("CALL through an interface")
        name = self.expect_name(K.T_NAME, "a procedure")
        args = self.call_arguments()
        return self.node(K.N_CALL_OTHER, start, result, name, args, self.call_flags(result))

    def call_flags(self, result: int) -> int:
        """[SYNC|ASYNC] of a call between the parts of one object."""
        flags = K.C_CODE if result >= 0 else 0
        if self.code_or_async(result) & K.G_ASYNC:
            flags |= K.C_ASYNC
        else:
            self.accept_word(K.W_SYNC)
        if self.word == K.W_ON or self.word == K.W_INSTANCE or self.word == K.W_PRTY:
            raise self.fault_here(f"CALL with {shown_word(self.word)}")
        return flags

    # log and operator
    def log(self) -> int:
        start = self.start()
        self.advance()
        values: list[int] = []
        if self.at_line_end():
            raise self.unexpected("a text or variable")
        if self.word != K.W_LINENO and self.word != K.W_PRIORITY:
            self.log_values(values)
        return self.log_tail(K.N_LOG, start, self.tree.pack(values))

    def log_values(self, values: list[int]) -> None:
        values.append(self.unary())
        if self.accept(K.T_COMMA):
            values.append(self.unary())
        if K.T_PLUS <= self.kind <= K.T_SLASH:
            raise self.unexpected("the end of the line", "LOG takes variables and constants; LOGEX takes a text expression")

    def logex(self) -> int:
        start = self.start()
        self.advance()
        return self.log_tail(K.N_LOGEX, start, self.expression())

    def log_tail(self, kind: int, start: int, logged: int) -> int:
        """[LINENO] [PRIORITY p], in any order"""
        line = self.accept_word(K.W_LINENO)
        priority = self.expression() if self.accept_word(K.W_PRIORITY) else -1
        line = line or self.accept_word(K.W_LINENO)
        return self.node(kind, start, logged, 2 if line else 0, priority)

    def console(self) -> int:
        return self.reference("a console") if self.accept_word(K.W_ON) else -1

    def message(self) -> int:
        start = self.start()
        self.advance()
        text = self.expression()
        return self.tree.add(K.N_MESSAGE, start, self.last_end(), text, self.console())

    def query(self, start: int, target: int) -> int:
        self.advance()
        text = self.expression()
        single = self.accept_word(K.W_SINGLE)
        console = self.console()
        seconds = self.expression() if self.accept_word(K.W_TIMEOUT) else -1
        clauses = self.tree.pack([int(single), console, seconds])
        return self.node(K.N_QUERY, start, target, text, clauses)

    # database
    def database(self, word: int) -> int:
        start = self.start()
        self.advance()
        operands: list[int] = []
        self.expressions(operands)
        where, binds = -1, -1
        if self.accept_word(K.W_WHERE):
            where = self.expression()
            if self.accept_word(K.W_BINDIN):
                binds = self.binds()
        if self.word == K.W_TRANS or self.word == K.W_ORAHINT:
            raise self.fault_here(f"{shown_word(word)} with {shown_word(self.word)}")
        return self.node(K.N_DB, start, word - K.W_DB_CONNECT, self.tree.pack(operands), where, binds)

    def binds(self) -> int:
        values: list[int] = []
        self.expressions(values)
        return self.tree.pack(values)
