"""Parsing blocks and actions. Middle part of the parser: expressions below, the shape of the script above."""

from __future__ import annotations

from collections.abc import Callable

from hisee.esl.front import lexer as L
from hisee.esl.front.expressions import SyntaxFault, TooDeep
from hisee.esl.front.nodes import (
    E_LABEL,
    E_NONE,
    E_OFF,
    E_ON,
    N_ASSIGN,
    N_EXIT_LOOP,
    N_FOR,
    N_FOR_RANGE,
    N_FUNC_ACTION,
    N_GOTO,
    N_IF,
    N_IF_GOTO,
    N_INSERT,
    N_LABEL,
    N_LOOP,
    N_NOTHING,
    N_ON_CHANGE,
    N_ON_ERROR,
    N_REDIM,
    N_SET_AS,
    N_SET_WITH,
)
from hisee.esl.front.structure_syntax import StructureSyntax
from hisee.esl.front.words import ACTION_WORDS, NOT_YET, RESERVED, meant

Fault = SyntaxFault
CLOSERS = {"endif": "IF", "else": "IF", "elsif": "IF", "end_loop": "DO_LOOP", "then": "IF"}
OPENERS = {"if": "IF", "for": "DO_LOOP", "do_loop": "DO_LOOP"}
NOTHING: frozenset[str] = frozenset()


class Statements(StructureSyntax):
    """Items of a section: declarations, labels, actions, blocks."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.faults: list[Fault] = []
        self.unit_names = set()
        self.warnings: list[Fault] = []
        self.section = ""
        self.in_init = False
        self.bare_end_closes = False
        self.else_if_open = 0  # tolerated ENDIFs after ELSE IF: the cause is already told
        self.unopened = {"IF": 0, "DO_LOOP": 0}  # blocks whose opener had a fault
        self.open_blocks: list[str] = []

    # reporting and recovery
    def report(self, fault: Fault) -> None:
        self.faults.append(fault)

    def at_token(self, code: str, at: int, **values: object) -> Fault:
        return SyntaxFault(code, self.tokens.start[at], self.tokens.end[at], **values)  # type: ignore[arg-type]

    def not_yet(self, construct: str) -> Fault:
        return self.at_token("ESL1003", self.at, construct=construct)

    def skip_line(self, from_at: int) -> None:
        """To behind the end of the line on which the cursor stands; always moves on."""
        while self.kind() not in (L.T_EOL, L.T_EOF):
            self.advance()
        self.accept(L.T_EOL)
        if self.at <= from_at:
            self.advance()

    def end_line(self) -> None:
        if self.kind() == L.T_EOF:
            return
        self.expect(L.T_EOL, "the end of the line")

    def end_line_or_report(self) -> None:
        at = self.at
        try:
            self.end_line()
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line(at)

    # blocks
    def block(self, stop: frozenset[str]) -> list[int]:
        """Items up to a word of `stop`, an `END name`, a header of another section or the end of the script."""
        items: list[int] = []
        while True:
            while self.accept(L.T_EOL):
                pass
            if self.kind() == L.T_EOF or self._stops(stop):
                return items
            at, depth = self.at, self.depth
            try:
                if self._bare_end():
                    return items
                self._item(items)
            except TooDeep:
                raise
            except SyntaxFault as fault:
                self.depth = depth
                self.report(fault)
                self._not_opened(at)
                self.skip_line(at)

    def _not_opened(self, at: int) -> None:
        """A fault in the line of an opener: the words that belong to it are not told as a second mistake."""
        word = self.tokens.names.folded[self.tokens.value[at]] if self.tokens.kind[at] == L.T_NAME else ""
        if word in OPENERS:
            self.unopened[OPENERS[word]] += 1

    def _stops(self, stop: frozenset[str]) -> bool:
        word = self.word()
        if not word or self.kind(1) in (L.T_ASSIGN, L.T_COLON) and word not in RESERVED:
            return False
        if word in stop:
            return True
        if word in CLOSERS and CLOSERS[word] in self.open_blocks:
            return True  # the inner block is not closed: its opener reports it
        if word == "end" and self.kind(1) == L.T_NAME:
            return not self.in_init
        return self.starts_section() and not (word == "begin" and self.in_init)

    def starts_section(self) -> bool:
        raise NotImplementedError

    def declaration(self) -> int:
        raise NotImplementedError

    def _declares(self) -> bool:
        raise NotImplementedError

    def _bare_end(self) -> bool:
        """END alone as the last line of a procedure closes it, with a warning (rule D-16)."""
        if self.in_init or self.open_blocks or self.word() != "end" or self.kind(1) not in (L.T_EOL, L.T_EOF):
            return False
        at = self.at
        self.advance()
        while self.accept(L.T_EOL):
            pass
        if self.kind() == L.T_EOF or self.starts_section():
            self.warnings.append(self.at_token("ESL1013", at, name=self.section))
            self.bare_end_closes = True
            return True
        self.at = at
        return False

    def _item(self, items: list[int]) -> None:
        if self._declares():
            items.append(self.declaration())
            return
        if self.kind() == L.T_NAME and self.kind(1) == L.T_COLON:
            items.append(self._label())
            if self.accept(L.T_EOL) or self.kind() == L.T_EOF:
                return
        node = self.action()
        if node >= 0:
            items.append(node)
            if not self.closed_line:
                self.end_line()

    def _label(self) -> int:
        start, name = self.start(), self.value()
        if self.word() in RESERVED:
            self.report(self.at_token("ESL1010", self.at, name=self.text()))
        self.advance()
        self.advance()
        return self.tree.add(N_LABEL, start, self.last_end(), name)

    # actions
    def action(self) -> int:
        """One action; -1 when it left nothing. Sets closed_line when the end of the line is already behind the cursor."""
        self.closed_line = False
        kind = self.kind()
        if kind == L.T_FUNC:
            return self._function_action()
        if kind in (L.T_LOCAL, L.T_LPAREN):
            return self._assignment()
        if kind != L.T_NAME:
            raise self.unexpected("an action")
        word = self.word()
        if word not in RESERVED and self.kind(1) in (L.T_ASSIGN, L.T_LBRACKET, L.T_CARET, L.T_BACKSLASH):
            return self._assignment()
        return self._word_action(word)

    def _word_action(self, word: str) -> int:
        method: Callable[[], int] | None = getattr(self, "do_" + word, None)
        if method is not None:
            return method()
        if word in NOT_YET:
            raise self.not_yet(word.upper())
        if word in CLOSERS:
            return self._stray(word)
        if word in RESERVED:
            raise self.unexpected("an action")
        hint = meant(self.text(), ACTION_WORDS)
        raise SyntaxFault("ESL1002", self.start(), self.tokens.end[self.at], hint, name=self.text())

    def _stray(self, word: str) -> int:
        if word == "endif" and self.else_if_open:
            self.else_if_open -= 1
            self.advance()
            self.end_line()
            self.closed_line = True
            return -1
        if self.unopened[CLOSERS[word]]:
            self.unopened[CLOSERS[word]] -= word in ("endif", "end_loop")
            self.skip_line(self.at)
            self.closed_line = True
            return -1
        raise self.at_token("ESL1004", self.at, word=word.upper(), opener=CLOSERS[word])

    def _assignment(self) -> int:
        start = self.start()
        target = self.reference("a target of `:=`")
        if self.kind() == L.T_EQ:
            raise self.unexpected("`:=`", "an assignment is written `:=`")
        self.expect(L.T_ASSIGN, "`:=`")
        word = self.word()
        if word == "call" and self.kind(1) != L.T_ASSIGN:
            return self.call(start, target)
        if word in ("query", "command", "getaccess") and self.kind(1) not in (L.T_CARET, L.T_BACKSLASH, L.T_LBRACKET, L.T_EOL):
            return {"query": self.query, "command": self.command, "getaccess": self.getaccess}[word](start, target)
        if word in NOT_YET and self.kind(1) in (L.T_TEXT, L.T_NAME, L.T_LOCAL):
            raise self.not_yet(f"{word.upper()} with a result")
        value = self.expression()
        time = self.expression() if self.accept_word("time") else -1
        return self.tree.add(N_ASSIGN, start, self.last_end(), target, value, time)

    def _function_action(self) -> int:
        start = self.start()
        node = self.function()
        return self.tree.add(N_FUNC_ACTION, start, self.last_end(), node)

    def do_set(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure, alias or item")
        if self.word() == "bind":
            self.advance()
            return self.set_bind(start, target)
        if self.accept_word("with"):
            return self.tree.add(N_SET_WITH, start, self.last_end(), target, self.reference("a structure"))
        if not self.accept_word("as"):
            raise self.unexpected("`AS`, `WITH` or `BIND`")
        source = -1
        if not self.accept_word("none"):
            source = self.reference("an object")
        direct = int(self.accept_word("direct"))
        return self.tree.add(N_SET_AS, start, self.last_end(), target, source, -1, direct)

    def do_if(self) -> int:
        start, opener = self.start(), self.at
        self.advance()
        condition = self.expression()
        if self.accept_word("goto"):
            return self.tree.add(N_IF_GOTO, start, self.last_end(), condition, self.label_name())
        self._then()
        return self._if_body(start, opener, condition)

    def _then(self) -> None:
        at = self.at
        if self.accept(L.T_EOL) and self.word() != "then":
            self.at = at
            raise self.unexpected("`THEN` or `GOTO`")
        self.expect_word("then")
        self.end_line_or_report()

    def _if_body(self, start: int, opener: int, condition: int) -> int:
        self.enter()
        self.open_blocks.append("IF")
        branches = [condition, self._branch()]
        otherwise = -1
        while self.word() in ("elsif", "else"):
            at = self.at
            self.advance()
            if self.tokens.names.folded[self.tokens.value[at]] == "else" and self.word() != "if":
                self.end_line_or_report()
                otherwise = self._branch() if otherwise < 0 else self._second_else(at)
                continue
            self._elsif(at, branches)
        self.open_blocks.pop()
        self.leave()
        node = self.tree.add(N_IF, start, self.tree.end[condition], self.tree.pack(branches), otherwise)
        self._close("endif", "IF", opener)
        return node

    def _branch(self) -> int:
        return self.tree.pack(self.block(frozenset(("elsif", "else", "endif"))))

    def _second_else(self, at: int) -> int:
        self.report(self.at_token("ESL1004", at, word="ELSE", opener="IF"))
        return self._branch()

    def _elsif(self, at: int, branches: list[int]) -> None:
        """ELSIF cond THEN; `ELSE IF` is read as one, and the ENDIF it was meant to have is forgiven."""
        if self.word() == "if":
            self.report(SyntaxFault("ESL1007", self.tokens.start[at], self.tokens.end[self.at]))
            self.else_if_open += 1
            self.advance()
        condition = self.tree.add(0, self.start(), self.start())
        line = self.at
        try:
            condition = self.expression()
            self._then()
        except TooDeep:
            raise
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line(line)
        branches += [condition, self._branch()]

    def _close(self, closer: str, opener_word: str, opener: int) -> None:
        self.closed_line = False
        if self.word() == closer:
            self.advance()
            return
        fault = self.at_token("ESL1005", opener, opener=opener_word, closer=closer.upper())
        fault.label = "opened here"
        line = self.source.place(self.start())[0]
        fault.values["note_at"] = (self.start(), f"`{closer.upper()}` is missing before line {line}")
        self.report(fault)
        self.closed_line = True

    def do_for(self) -> int:
        start, opener = self.start(), self.at
        self.advance()
        name = self.expect_name(L.T_LOCAL, "the loop variable")
        if self.accept_word("range"):
            lo, hi, kind = self.reference("a structure"), -1, N_FOR_RANGE
        else:
            self.expect(L.T_EQ, "`=` or `RANGE`")
            lo, kind = self.expression(), N_FOR
            self.expect_word("to")
            hi = self.expression()
        end = self.last_end()
        self.expect_word("do_loop")
        body = self._loop_body(opener)
        return self.tree.add(kind, start, end, name, lo, hi, body)

    def do_do_loop(self) -> int:
        start, opener = self.start(), self.at
        self.advance()
        end = self.last_end()
        return self.tree.add(N_LOOP, start, end, -1, -1, -1, self._loop_body(opener))

    def _loop_body(self, opener: int) -> int:
        self.end_line_or_report()
        self.enter()
        self.open_blocks.append("DO_LOOP")
        items = self.block(frozenset(("end_loop",)))
        items.append(self.tree.add(N_NOTHING, self.start(), self.start()))  # END_LOOP has a line of its own
        body = self.tree.pack(items)
        self.open_blocks.pop()
        self.leave()
        self._close("end_loop", "DO_LOOP", opener)
        return body

    def do_exit_loop(self) -> int:
        start = self.start()
        self.advance()
        condition = -1 if self.kind() in (L.T_EOL, L.T_EOF) else self.expression()
        return self.tree.add(N_EXIT_LOOP, start, self.last_end(), condition)

    def do_goto(self) -> int:
        start = self.start()
        self.advance()
        return self.tree.add(N_GOTO, start, self.last_end(), self.label_name())

    def do_on(self) -> int:
        start = self.start()
        word = self.word(1)
        self.advance()
        if word not in ("error", "change"):
            return self.on_number(start)
        self.advance()
        return self._on_error(start) if word == "error" else self._on_change(start)

    def _on_error(self, start: int) -> int:
        modes = {"none": E_NONE, "off": E_OFF, "on": E_ON}
        mode = modes.get(self.word(), E_LABEL)
        name = self.expect_name(L.T_NAME, "NONE, OFF, ON or a label")
        return self.tree.add(N_ON_ERROR, start, self.last_end(), mode, name)

    def _on_change(self, start: int) -> int:
        target = self.reference("an object")
        self.expect_word("goto")
        name = self.expect_name(L.T_NAME, "a procedure")
        off = int(self.accept_word("none"))
        return self.tree.add(N_ON_CHANGE, start, self.last_end(), target, name, off)

    def do_redim(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure with its new number of rows, `x[n]`")
        return self.tree.add(N_REDIM, start, self.last_end(), target)

    def do_insert(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure")
        self.expect(L.T_COMMA, "`,`")
        before = self.expression()
        self.expect(L.T_COMMA, "`,`")
        rows = self.reference("a row or structure")
        last = self.expression() if self.accept(L.T_COMMA) else -1
        return self.tree.add(N_INSERT, start, self.last_end(), target, before, rows, last)
