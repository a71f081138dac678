"""Parsing the actions that have clauses of their own: CALL, DELAY, LOG, MESSAGE, QUERY, DB_*."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.calls_syntax import CallSyntax
from hisee.esl.front.expressions import SyntaxFault
from hisee.esl.front.kinds import (
    C_ASYNC,
    C_CODE,
    N_CALL,
    N_CALL_OTHER,
    N_CALL_UNIT,
    N_DB,
    N_DELAY,
    N_END,
    N_LOG,
    N_LOGEX,
    N_MESSAGE,
    N_QUERY,
    N_RESUME,
    N_RETRY,
    N_RETURN,
    N_WAIT,
    N_WAIT_FOR,
)
from hisee.esl.front.words import DB_ORDER, UNIT_ORDER

LINE_ENDS = (K.T_EOL, K.T_EOF)


class ActionSyntax(CallSyntax):
    """Each `do_<word>` parses one action behind its first word; the end of the line is the caller's."""

    closed_line = False
    unit_names: set[int]  # variables declared with UNIT

    def _plain(self, kind: int) -> int:
        start = self.start()
        self.advance()
        return self.tree.add(kind, start, self.last_end())

    def do_return(self) -> int:
        return self._plain(N_RETURN)

    def do_retry(self) -> int:
        return self._plain(N_RETRY)

    def do_resume(self) -> int:
        return self._plain(N_RESUME)

    def do_end(self) -> int:
        node = self._plain(N_END)
        if self.kind() == K.T_NAME:
            raise self.unexpected("the end of the line", "END with a name closes a procedure; none is open here")
        return node

    def do_wait(self) -> int:
        start = self.start()
        node = self._plain(N_WAIT)
        return node if self.kind() in LINE_ENDS else self._wait_for(start)

    def _wait_for(self, start: int) -> int:
        """condition [TIMEOUT n [unit]] [, variable]"""
        condition, seconds, unit = self.expression(), -1, 1
        if self.accept_word("timeout"):
            seconds, unit = self._span()
        variable = self.reference("a variable") if self.accept(K.T_COMMA) else -1
        return self.tree.add(N_WAIT_FOR, start, self.last_end(), condition, seconds, unit, variable)

    def fault_here(self, construct: str) -> SyntaxFault:
        return SyntaxFault("ESL1003", self.start(), self.tokens.end[self.at], construct=construct)

    def do_delay(self) -> int:
        start = self.start()
        self.advance()
        amount, unit = self._span()
        return self.tree.add(N_DELAY, start, self.last_end(), amount, unit)

    def _span(self) -> tuple[int, int]:
        """An amount of time and the number of its unit."""
        self.unit_allowed = True
        amount = self.expression()
        self.unit_allowed = False
        unit = 1
        if self._unit_here():
            unit = UNIT_ORDER.index(self.word(1))
            self.at += 3
        return amount, unit

    unit_allowed = False

    def _unit_here(self) -> bool:
        return self.kind() == K.T_LBRACKET and self.word(1) in UNIT_ORDER and self.kind(2) == K.T_RBRACKET

    def _unit_follows(self) -> bool:
        """`[ms]` behind a number of DELAY is a unit, not an index."""
        return self.unit_allowed and self._unit_here()

    # CALL
    def do_call(self) -> int:
        return self.call(self.start(), -1)

    def call(self, start: int, result: int) -> int:
        self.advance()
        if self.kind() == K.T_LBRACKET:
            return self._call_other(start, result)
        if result >= 0:
            raise self.unexpected("`[`", "a return code is given by CALL [] only")
        name_at = self.at
        name = self.expect_name(K.T_NAME, "a procedure")
        args = self._call_arguments()
        return self.tree.add(N_CALL, start, self.last_end(), name, args, name_at)

    def _call_arguments(self) -> int:
        return self.arguments() if self.kind() == K.T_LPAREN else self.tree.pack([])

    def _call_unit(self, start: int) -> int:
        self.advance()
        unit = self.tokens.value[self.advance()]
        self.advance()
        name = self.expect_name(K.T_NAME, "a procedure of the unit")
        return self.tree.add(N_CALL_UNIT, start, self.last_end(), unit, name, self._call_arguments())

    def _call_other(self, start: int, result: int) -> int:
        if result < 0 and self.kind(1) == K.T_LOCAL and self.tokens.value[self.at + 1] in self.unit_names and self.kind(2) == K.T_RBRACKET:
            return self._call_unit(start)
        self.advance()
        if self.kind() != K.T_RBRACKET:
            return self.call_object(start, result)
        self.advance()
        if self.kind() == K.T_CARET:
            raise self.fault_here("CALL through an interface")
        name = self.expect_name(K.T_NAME, "a procedure")
        args = self._call_arguments()
        flags = self._call_flags(result)
        return self.tree.add(N_CALL_OTHER, start, self.last_end(), result, name, args, flags)

    def _call_flags(self, result: int) -> int:
        flags = C_CODE if result >= 0 else 0
        at = self.at
        if self.accept_word("async"):
            flags |= C_ASYNC
            if result >= 0:
                raise SyntaxFault("ESL1001", self.tokens.start[at], self.tokens.end[at], "an ASYNC call gives no return code",
                                  wanted="`SYNC`", found="`ASYNC`")
        else:
            self.accept_word("sync")
        if self.word() in ("on", "instance", "prty"):
            raise self.fault_here(f"CALL with {self.word().upper()}")
        return flags

    # log and operator
    def _log_tail(self) -> tuple[int, int]:
        """[LINENO] [PRIORITY p]: flags, expression"""
        flags = 2 if self.accept_word("lineno") else 0
        priority = self.expression() if self.accept_word("priority") else -1
        if not flags and self.accept_word("lineno"):
            flags = 2
        return flags, priority

    def do_log(self) -> int:
        start = self.start()
        self.advance()
        values: list[int] = []
        if self.kind() not in LINE_ENDS and self.word() not in ("lineno", "priority"):
            values.append(self._unary())
            if self.accept(K.T_COMMA):
                values.append(self._unary())
            if self.kind() in (K.T_PLUS, K.T_MINUS, K.T_STAR, K.T_SLASH):
                raise self.unexpected("the end of the line", "LOG takes variables and constants; LOGEX takes a text expression")
        elif self.kind() in LINE_ENDS:
            raise self.unexpected("a text or variable")
        flags, priority = self._log_tail()
        return self.tree.add(N_LOG, start, self.last_end(), self.tree.pack(values), flags, priority)

    def do_logex(self) -> int:
        start = self.start()
        self.advance()
        text = self.expression()
        flags, priority = self._log_tail()
        return self.tree.add(N_LOGEX, start, self.last_end(), text, flags, priority)

    def _console(self) -> int:
        return self.reference("a console") if self.accept_word("on") else -1

    def do_message(self) -> int:
        start = self.start()
        self.advance()
        text = self.expression()
        return self.tree.add(N_MESSAGE, start, self.last_end(), text, self._console())

    def do_query(self) -> int:
        raise self.unexpected("the target of `:=` before QUERY", "write `_answer := QUERY \"text\" TIMEOUT 30`")

    def query(self, start: int, target: int) -> int:
        self.advance()
        text = self.expression()
        single = self.accept_word("single")
        console = self._console()
        seconds = self.expression() if self.accept_word("timeout") else -1
        clauses = self.tree.pack([int(single), console, seconds])
        return self.tree.add(N_QUERY, start, self.last_end(), target, text, clauses)

    # database
    def _db(self) -> int:
        start = self.start()
        word = DB_ORDER.index(self.word())
        self.advance()
        operands = [self.expression()]
        while self.accept(K.T_COMMA):
            operands.append(self.expression())
        where, binds = -1, -1
        if self.accept_word("where"):
            where = self.expression()
            if self.accept_word("bindin"):
                binds = self._binds()
        if self.word() in ("trans", "orahint"):
            raise self.fault_here(f"{DB_ORDER[word].upper()} with {self.word().upper()}")
        return self.tree.add(N_DB, start, self.last_end(), word, self.tree.pack(operands), where, binds)

    def _binds(self) -> int:
        values = [self.expression()]
        while self.accept(K.T_COMMA):
            values.append(self.expression())
        return self.tree.pack(values)

    do_db_connect = do_db_disconnect = do_db_read = do_dbs_read = do_dbs_insert = do_dbs_update = do_dbs_delete = _db
