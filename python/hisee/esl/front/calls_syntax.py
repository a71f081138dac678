"""Parsing calls between objects: CALL [obj], EVENT, OPENEVENT, CLOSE, COMMAND, GETACCESS, RELEASEACCESS."""

from __future__ import annotations

from hisee.esl.front import lexer as L
from hisee.esl.front.expressions import Expressions, SyntaxFault
from hisee.esl.front.nodes import M_IN, N_COLUMN, N_INDEX, N_PARAM, N_TYPE, V_INT
from hisee.esl.front.nodes_calls import (
    G_ALL,
    G_ASYNC,
    G_BEGIN,
    G_CODE,
    G_CONTINUE,
    G_DURABLE,
    G_END,
    N_CALL_OBJECT,
    N_CLOSE,
    N_COMMAND,
    N_EVENT,
    N_GETACCESS,
    N_OPENEVENT,
    N_RELEASEACCESS,
    O_ALL,
    O_DIRECT,
    O_SYNC,
)

CONVERSATION = {"tc_b": G_BEGIN, "tc_c": G_CONTINUE, "tc_e": G_END}


class CallSyntax(Expressions):
    """Each method parses one action from its first word on; the end of the line is the caller's."""

    # clauses
    def _on_process(self) -> tuple[int, int]:
        """[ON process [INSTANCE n]]: two nodes, -1 = not given."""
        if not self.accept_word("on"):
            return -1, -1
        process = self.reference("a process")
        return process, self._instance()

    def _instance(self) -> int:
        return self.expression() if self.accept_word("instance") else -1

    def _priority(self) -> int:
        return self.expression() if self.accept_word("prty") else -1

    # CALL [object]
    def call_object(self, start: int, result: int) -> int:
        """Behind `CALL [`: object`]` [`^`interface] [`[`handle, TC_x`]`] procedure [args] and its clauses."""
        target, interface, conversation, flags = -1, -1, -1, 0
        if self.kind() == L.T_LOCAL and self.kind(1) == L.T_COMMA:
            conversation, flags = self._conversation()
        else:
            target = self.reference("an object")
            self.expect(L.T_RBRACKET, "`]`")
            target, interface = self._interface(target)
            if self.accept(L.T_LBRACKET):
                conversation, flags = self._conversation()
        name = self.expect_name(L.T_NAME, "a procedure")
        args = self.arguments() if self.kind() == L.T_LPAREN else self.tree.pack([])
        more, process, instance = self._call_clauses(result, flags)
        clauses = self.tree.pack([name, flags | more, interface, process, instance, self._priority(), conversation])
        return self.tree.add(N_CALL_OBJECT, start, self.last_end(), result, target, args, clauses)

    def _interface(self, target: int) -> tuple[int, int]:
        """`[obj]^I.Name`, or `[obj^I.Name]`: the object and the name of the interface."""
        if self.accept(L.T_CARET):
            return target, self.expect_name(L.T_NAME, "the name of an interface")
        tree = self.tree
        if tree.kind[target] == N_COLUMN and tree.kind[tree.a[target]] != N_INDEX:
            return tree.a[target], tree.b[target]
        return target, -1

    def _conversation(self) -> tuple[int, int]:
        """`_h, TC_B]`: the node of the handle and the flag."""
        handle = self.reference("a handle")
        self.expect(L.T_COMMA, "`,`")
        flag = CONVERSATION.get(self.word(), 0)
        if not flag:
            raise self.unexpected("`TC_B`, `TC_C` or `TC_E`")
        self.advance()
        self.expect(L.T_RBRACKET, "`]`")
        return handle, flag

    def _call_clauses(self, result: int, conversation: int) -> tuple[int, int, int]:
        """[SYNC|ASYNC] [ON process|ALL [INSTANCE n]]: flags and two nodes."""
        flags, at = G_CODE if result >= 0 else 0, self.at
        if self.accept_word("async"):
            flags |= G_ASYNC
            if result >= 0:
                raise SyntaxFault("ESL1001", self.tokens.start[at], self.tokens.end[at], "an ASYNC call gives no return code",
                                  wanted="`SYNC`", found="`ASYNC`")
        elif conversation:
            raise self.unexpected("`ASYNC`", "calls of a conversation are asynchronous")
        else:
            self.accept_word("sync")
        if self.word() == "on" and self.word(1) == "all":
            if not flags & G_ASYNC:
                raise SyntaxFault("ESL2044", self.start(), self.tokens.end[self.at + 1])
            self.at += 2
            return flags | G_ALL, -1, -1
        return flags, *self._on_process()

    def conversation_parameter(self) -> list[int]:
        """`[_h, TC_B]` in the header of a procedure is one more parameter in front: IN INT _h."""
        if self.kind() != L.T_LBRACKET:
            return []
        start = self.start()
        self.advance()
        name_at = self.at
        name = self.expect_name(L.T_LOCAL, "a handle beginning with `_`")
        self.expect(L.T_COMMA, "`,`")
        if self.word() not in CONVERSATION:
            raise self.unexpected("`TC_B`, `TC_C` or `TC_E`")
        self.advance()
        self.expect(L.T_RBRACKET, "`]`")
        kind = self.tree.add(N_TYPE, start, self.last_end(), V_INT, -1, 0)
        return [self.tree.add(N_PARAM, start, self.tokens.end[name_at], kind, name, M_IN)]

    # events
    def do_event(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("an event")
        names: list[int] = []
        values: list[int] = []
        if self.accept(L.T_LPAREN):
            self._publics(names, values)
        flags = G_ASYNC if self.accept_word("async") else 0
        if not flags:
            self.accept_word("sync")
        if self.word() == "durable":
            if not flags:
                raise SyntaxFault("ESL2071", self.start(), self.tokens.end[self.at])
            self.advance()
            flags |= G_DURABLE
        clauses = self.tree.pack([flags, self._priority()])
        return self.tree.add(N_EVENT, start, self.last_end(), target, self.tree.pack(names), self.tree.pack(values), clauses)

    def _publics(self, names: list[int], values: list[int]) -> None:
        """_public = value {, _public = value} `)`"""
        while True:
            names.append(self.expect_name(L.T_LOCAL, "a PUBLIC variable of the event"))
            if not self.accept(L.T_EQ):
                self.expect(L.T_ASSIGN, "`=`")
            values.append(self.expression())
            if not self.accept(L.T_COMMA):
                break
        self.expect(L.T_RPAREN, "`,` or `)`")

    def do_openevent(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("an event")
        flags, process = 0, -1
        if self.accept_word("direct"):
            flags = O_DIRECT
        elif self.accept_word("on"):
            process = self.reference("a process")
        else:
            raise SyntaxFault("ESL2045", self.start(), self.tokens.end[self.at])
        instance = self._instance()
        if self.accept_word("sync"):
            flags |= O_SYNC
        return self.tree.add(N_OPENEVENT, start, self.last_end(), target, process, instance, flags)

    def do_close(self) -> int:
        start = self.start()
        self.advance()
        if self.accept_word("direct"):
            return self.tree.add(N_CLOSE, start, self.last_end(), -1, -1, -1, O_DIRECT)
        target = self.reference("`DIRECT` or an object")
        flags, process = 0, -1
        if self.accept_word("direct"):
            flags = O_DIRECT
        elif self.word() == "on" and self.word(1) == "all":
            self.at += 2
            flags = O_ALL
        elif self.accept_word("on"):
            process = self.reference("a process")
        return self.tree.add(N_CLOSE, start, self.last_end(), target, process, self._instance(), flags)

    # commands and locks
    def do_command(self) -> int:
        return self.command(self.start(), -1)

    def command(self, start: int, result: int) -> int:
        self.advance()
        text = self.expression()
        process, instance = self._on_process()
        return self.tree.add(N_COMMAND, start, self.last_end(), result, text, process, instance)

    def do_getaccess(self) -> int:
        raise self.unexpected("the target of `:=` before GETACCESS", "write `_ok := GETACCESS \"name\"`")

    def getaccess(self, start: int, result: int) -> int:
        self.advance()
        name = self.expression()
        public, holder, note = int(self.accept_word("public")), -1, -1
        if public and self.kind() == L.T_LOCAL:
            holder = self.reference("a variable for the holder")
            if self.accept(L.T_COMMA):
                note = self.expression()
        return self.tree.add(N_GETACCESS, start, self.last_end(), result, name, self.tree.pack([public, holder, note]))

    def do_releaseaccess(self) -> int:
        start = self.start()
        self.advance()
        name = self.expression()
        return self.tree.add(N_RELEASEACCESS, start, self.last_end(), name, int(self.accept_word("public")))

