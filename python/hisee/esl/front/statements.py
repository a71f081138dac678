# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parsing blocks and actions. Middle part of the parser: expressions below, the shape of the script above."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.expressions import SyntaxFault, TooDeep, shown_word
from hisee.esl.front.lexer import Source, Tokens
from hisee.esl.front.structure_syntax import StructureSyntax
from hisee.esl.front.words import ACTION_WORDS, ALARM_WORDS, meant


def is_reserved(word: int) -> bool:
    return K.NO_WORD < word <= K.LAST_RESERVED


def opener_of(word: int) -> int:
    """The word that opens the block to which a word of its middle or end belongs; NO_WORD = it belongs to none."""
    if word == K.W_ENDIF or word == K.W_ELSE or word == K.W_ELSIF or word == K.W_THEN:
        return K.W_IF
    return K.W_DO_LOOP if word == K.W_END_LOOP else K.NO_WORD


def opened_by(word: int) -> int:
    """The kind of block that the first word of a line opens."""
    if word == K.W_FOR or word == K.W_DO_LOOP:
        return K.W_DO_LOOP
    return K.W_IF if word == K.W_IF else K.NO_WORD


class Statements(StructureSyntax):
    """Items of a section: declarations, labels, actions, blocks."""

    def __init__(self, source: Source, tokens: Tokens, nesting: int) -> None:
        super().__init__(source, tokens, nesting)
        self.faults: list[SyntaxFault] = []
        self.warnings: list[SyntaxFault] = []
        self.section = ""
        self.in_init = False
        self.begun = False  # the init part has begun: by BEGIN or by an action
        self.closed_line = False  # the end of the action's line is already behind the cursor
        self.bare_end_closes = False
        self.else_if_open = 0  # tolerated ENDIFs after ELSE IF: the cause is already told
        self.open_ifs = self.open_loops = 0
        self.unopened_ifs = self.unopened_loops = 0  # blocks whose opener had a fault

    # reporting and recovery
    def report(self, fault: SyntaxFault) -> None:
        self.faults.append(fault)

    def at_token(self, code: str, at: int, **values: object) -> SyntaxFault:
        return SyntaxFault(code, self.tokens.start[at], self.tokens.end[at], **values)  # type: ignore[arg-type]

    def not_yet(self, construct: str) -> SyntaxFault:
        word = construct.partition(" ")[0]
        if word in ALARM_WORDS:
            return self.at_token("ESL2070", self.at, name=word)
        return self.at_token("ESL1003", self.at, construct=construct)

    def skip_line(self) -> None:
        """To behind the end of the line on which the cursor stands, or to the end of the script."""
        while not self.at_line_end():
            self.advance()
        self.accept(K.T_EOL)

    def end_line(self) -> None:
        if self.kind != K.T_EOF:
            self.expect(K.T_EOL, "the end of the line")

    def end_line_or_report(self) -> None:
        try:
            self.end_line()
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line()

    # blocks
    def block(self) -> int:
        """Items up to a word that closes an open block, an `END name`, a header of another section or the end of the script."""
        first = self.tree.waiting
        self.fill()
        return self.tree.pack_from(first)

    def fill(self) -> None:
        while True:
            while self.kind == K.T_EOL:
                self.advance()
            if self.kind == K.T_EOF or self.stops():
                return
            at, depth = self.at, self.depth
            try:
                if self.bare_end():
                    return
                self.item()
            except TooDeep:
                raise
            except SyntaxFault as fault:
                self.depth = depth
                self.report(fault)
                self.not_opened(at)
                self.skip_line()

    def not_opened(self, at: int) -> None:
        """A fault in the line of an opener: the words that belong to it are not told as a second mistake."""
        self.unit_allowed = False
        opened = opened_by(self.word_ahead(at - self.at))
        if opened == K.W_IF:
            self.unopened_ifs += 1
        elif opened == K.W_DO_LOOP:
            self.unopened_loops += 1

    def stops(self) -> bool:
        """Does the block end in front of the cursor? An inner block that is not closed reports that itself."""
        word = self.word
        if word == K.NO_WORD:
            return False
        following = self.ahead(1)
        if (following == K.T_ASSIGN or following == K.T_COLON) and not is_reserved(word):
            return False
        opener = opener_of(word)
        if opener != K.NO_WORD:
            return self.is_open(opener)
        if word == K.W_END and following == K.T_NAME:
            return not self.in_init
        return self.starts_section() and not (word == K.W_BEGIN and self.in_init and self.begun)

    def is_open(self, opener: int) -> bool:
        return self.open_ifs > 0 if opener == K.W_IF else self.open_loops > 0

    def starts_section(self) -> bool:
        raise NotImplementedError

    def declaration(self) -> int:
        raise NotImplementedError

    def declares(self) -> bool:
        raise NotImplementedError

    def bare_end(self) -> bool:
        """END alone as the last line of a procedure closes it, with a warning (rule D-16)."""
        if self.word != K.W_END or self.in_init or self.open_ifs > 0 or self.open_loops > 0:
            return False
        if self.ahead(1) != K.T_EOL and self.ahead(1) != K.T_EOF:
            return False
        at = self.advance()
        while self.accept(K.T_EOL):
            pass
        if self.kind == K.T_EOF or self.starts_section():
            self.warnings.append(self.at_token("ESL1013", at, name=self.section))
            self.bare_end_closes = True
            return True
        self.move(at)
        return False

    def item(self) -> None:
        if self.word != K.NO_WORD and self.declares():
            self.tree.wait(self.declaration())
        elif self.kind == K.T_NAME and self.ahead(1) == K.T_COLON:
            self.tree.wait(self.label())
            if self.kind != K.T_EOL and self.kind != K.T_EOF:
                self.action_line()
        else:
            self.action_line()

    def action_line(self) -> None:
        """An action and the end of its line."""
        self.closed_line = False
        node = self.action()
        self.begun |= self.in_init
        if node >= 0:
            self.tree.wait(node)
            if not self.closed_line:
                self.end_line()

    def label(self) -> int:
        start, name = self.start(), self.value()
        if is_reserved(self.word):
            self.report(self.at_token("ESL1010", self.at, name=self.text()))
        self.advance()
        self.advance()
        self.begun |= self.in_init
        return self.node(K.N_LABEL, start, name)

    # actions
    def action(self) -> int:
        """One action; -1 when it left nothing. Sets closed_line when the end of the line is already behind the cursor."""
        kind = self.kind
        if kind == K.T_LOCAL or kind == K.T_LPAREN:
            return self.assignment()
        if kind == K.T_NAME:
            return self.assignment() if self.names_target() else self.word_action(self.word)
        if kind == K.T_FUNC:
            return self.function_action()
        raise self.unexpected("an action")

    def names_target(self) -> bool:
        """Is the name under the cursor one that is assigned to? Only reserved words never are."""
        following = self.ahead(1)
        return not is_reserved(self.word) and (
            following == K.T_ASSIGN or following == K.T_LBRACKET or following == K.T_CARET or following == K.T_BACKSLASH)

    def word_action(self, word: int) -> int:
        if word == K.W_IF:
            return self.if_action()
        if word == K.W_FOR:
            return self.for_action()
        if word == K.W_DO_LOOP:
            return self.loop()
        if word == K.W_EXIT_LOOP:
            return self.exit_loop()
        if word == K.W_SET:
            return self.set_action()
        if word == K.W_ON:
            return self.on_action()
        return StructureSyntax.word_action(self, word)

    def no_action(self, word: int) -> int:
        """A word that begins no action, and why."""
        if word >= K.FIRST_NOT_YET:
            raise self.not_yet(shown_word(word))
        if opener_of(word) != K.NO_WORD:
            return self.stray(word)
        if is_reserved(word):
            raise self.unexpected("an action")
        hint = meant(self.text(), ACTION_WORDS)
        raise SyntaxFault("ESL1002", self.start(), self.end(), hint, name=self.text())

    def stray(self, word: int) -> int:
        """The end or middle of a block that is not open."""
        if word == K.W_ENDIF and self.else_if_open > 0:
            self.else_if_open -= 1
            self.advance()
            self.end_line()
        elif self.is_unopened(word):
            self.skip_line()
        else:
            raise self.at_token("ESL1004", self.at, word=shown_word(word), opener=shown_word(opener_of(word)))
        self.closed_line = True
        return -1

    def is_unopened(self, word: int) -> bool:
        """Had the opener a fault? The word that ends the block settles it."""
        if word == K.W_END_LOOP:
            found = self.unopened_loops > 0
            self.unopened_loops -= found
        else:
            found = self.unopened_ifs > 0
            self.unopened_ifs -= found and word == K.W_ENDIF
        return found

    def assignment(self) -> int:
        start = self.start()
        target = self.reference("a target of `:=`")
        if self.kind == K.T_EQ:
            raise self.unexpected("`:=`", "an assignment is written `:=`")
        self.expect(K.T_ASSIGN, "`:=`")
        return self.assigned(start, target) if self.word == K.NO_WORD else self.assigned_word(start, target)

    def assigned(self, start: int, target: int) -> int:
        value = self.expression()
        time = self.expression() if self.accept_word(K.W_TIME) else -1
        return self.node(K.N_ASSIGN, start, target, value, time)

    def assigned_word(self, start: int, target: int) -> int:
        """target := and a word: an action with a result, or an object that has the name of a word."""
        word, following = self.word, self.ahead(1)
        if word == K.W_CALL and following != K.T_ASSIGN:
            return self.call(start, target)
        if following != K.T_CARET and following != K.T_BACKSLASH and following != K.T_LBRACKET and following != K.T_EOL:
            if word == K.W_QUERY:
                return self.query(start, target)
            if word == K.W_COMMAND:
                return self.command(start, target)
            if word == K.W_GETACCESS:
                return self.getaccess(start, target)
        if word >= K.FIRST_NOT_YET and (following == K.T_TEXT or following == K.T_NAME or following == K.T_LOCAL):
            raise self.not_yet(f"{shown_word(word)} with a result")
        return self.assigned(start, target)

    def function_action(self) -> int:
        start = self.start()
        node = self.function()
        return self.node(K.N_FUNC_ACTION, start, node)

    def set_action(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("a structure, alias or item")
        if self.accept_word(K.W_BIND):
            return self.set_bind(start, target)
        if self.accept_word(K.W_WITH):
            return self.tree.add(K.N_SET_WITH, start, self.last_end(), target, self.reference("a structure"))
        if not self.accept_word(K.W_AS):
            raise self.unexpected("`AS`, `WITH` or `BIND`")
        source = -1 if self.accept_word(K.W_NONE) else self.reference("an object")
        direct = self.accept_word(K.W_DIRECT)
        return self.node(K.N_SET_AS, start, target, source, -1, direct)

    # IF
    def if_action(self) -> int:
        start, opener = self.start(), self.at
        self.advance()
        condition = self.expression()
        if self.accept_word(K.W_GOTO):
            return self.tree.add(K.N_IF_GOTO, start, self.last_end(), condition, self.label_name())
        self.then()
        return self.if_body(start, opener, condition)

    def then(self) -> None:
        at = self.at
        if self.accept(K.T_EOL) and self.word != K.W_THEN:
            self.move(at)
            raise self.unexpected("`THEN` or `GOTO`")
        self.expect_word(K.W_THEN)
        self.end_line_or_report()

    def if_body(self, start: int, opener: int, condition: int) -> int:
        self.enter()
        self.open_ifs += 1
        first = self.tree.waiting
        self.tree.wait(condition)
        self.tree.wait(self.block())
        otherwise = -1
        while self.word == K.W_ELSIF or self.word == K.W_ELSE:
            word = self.word
            at = self.advance()
            if word == K.W_ELSE and self.word != K.W_IF:
                self.end_line_or_report()
                otherwise = self.block() if otherwise < 0 else self.second_else(at)
            else:
                self.elsif(at)
        self.open_ifs -= 1
        self.leave()
        node = self.tree.add(K.N_IF, start, self.tree.end[condition], self.tree.pack_from(first), otherwise)
        self.close_block(K.W_ENDIF, opener)
        return node

    def second_else(self, at: int) -> int:
        self.report(self.at_token("ESL1004", at, word="ELSE", opener="IF"))
        return self.block()

    def elsif(self, at: int) -> None:
        """ELSIF cond THEN; `ELSE IF` is read as one, and the ENDIF it was meant to have is forgiven."""
        if self.word == K.W_IF:
            self.report(SyntaxFault("ESL1007", self.tokens.start[at], self.end()))
            self.else_if_open += 1
            self.advance()
        condition = self.tree.add(K.N_BAD, self.start(), self.start())
        try:
            condition = self.expression()
            self.then()
        except TooDeep:
            raise
        except SyntaxFault as fault:
            self.report(fault)
            self.skip_line()
        self.tree.wait(condition)
        self.tree.wait(self.block())

    def close_block(self, closer: int, opener: int) -> None:
        """`opener`: number of the token that opened the block."""
        self.closed_line = not self.accept_word(closer)
        if self.closed_line:
            fault = self.at_token("ESL1005", opener, opener=shown_word(opener_of(closer)), closer=shown_word(closer))
            fault.label = "opened here"
            line = self.source.line(self.start())
            fault.values["note_at"] = (self.start(), f"`{shown_word(closer)}` is missing before line {line}")
            self.report(fault)

    # loops
    def for_action(self) -> int:
        start, opener = self.start(), self.at
        self.advance()
        name = self.expect_name(K.T_LOCAL, "the loop variable")
        if self.accept_word(K.W_RANGE):
            first, last, kind = self.reference("a structure"), -1, K.N_FOR_RANGE
        else:
            self.expect(K.T_EQ, "`=` or `RANGE`")
            first, kind = self.expression(), K.N_FOR
            self.expect_word(K.W_TO)
            last = self.expression()
        end = self.last_end()
        self.expect_word(K.W_DO_LOOP)
        return self.tree.add(kind, start, end, name, first, last, self.loop_body(opener))

    def loop(self) -> int:
        start, opener = self.start(), self.at
        self.advance()
        end = self.last_end()
        return self.tree.add(K.N_LOOP, start, end, -1, -1, -1, self.loop_body(opener))

    def loop_body(self, opener: int) -> int:
        self.end_line_or_report()
        self.enter()
        self.open_loops += 1
        first = self.tree.waiting
        self.fill()
        self.tree.wait(self.tree.add(K.N_NOTHING, self.start(), self.start(), -1, -1, -1, -1))  # END_LOOP has a line of its own
        body = self.tree.pack_from(first)
        self.open_loops -= 1
        self.leave()
        self.close_block(K.W_END_LOOP, opener)
        return body

    def exit_loop(self) -> int:
        start = self.start()
        self.advance()
        condition = -1 if self.at_line_end() else self.expression()
        return self.node(K.N_EXIT_LOOP, start, condition)

    # ON
    def on_action(self) -> int:
        start = self.start()
        self.advance()
        if self.accept_word(K.W_ERROR):
            return self.on_error(start)
        return self.on_change(start) if self.accept_word(K.W_CHANGE) else self.on_number(start)

    def on_error(self, start: int) -> int:
        mode = self.error_mode()
        name = self.expect_name(K.T_NAME, "NONE, OFF, ON or a label")
        return self.node(K.N_ON_ERROR, start, mode, name)

    def error_mode(self) -> int:
        if self.word == K.W_NONE:
            return K.E_NONE
        if self.word == K.W_OFF:
            return K.E_OFF
        return K.E_ON if self.word == K.W_ON else K.E_LABEL

    def on_change(self, start: int) -> int:
        target = self.reference("an object")
        self.expect_word(K.W_GOTO)
        name = self.expect_name(K.T_NAME, "a procedure")
        off = self.accept_word(K.W_NONE)
        return self.node(K.N_ON_CHANGE, start, target, name, off)
