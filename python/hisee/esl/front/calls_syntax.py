# cython: annotation_typing=False, infer_types=True, wraparound=False, initializedcheck=False
"""Parsing calls between objects: CALL [obj], EVENT, OPENEVENT, CLOSE, COMMAND, GETACCESS, RELEASEACCESS."""

from __future__ import annotations

from hisee.esl.front import kinds as K
from hisee.esl.front.expressions import Expressions, SyntaxFault


def conversation_flag(word: int) -> int:
    """Flag of TC_B, TC_C, TC_E; 0 = another word."""
    if word == K.W_TC_B:
        return K.G_BEGIN
    if word == K.W_TC_C:
        return K.G_CONTINUE
    return K.G_END if word == K.W_TC_E else 0


class CallSyntax(Expressions):
    """Each method parses one action from its first word on; the end of the line is the caller's."""

    def word_action(self, word: int) -> int:
        """The action that begins with this word; the word is under the cursor. -1 = it left nothing in the tree."""
        if word == K.W_EVENT:
            return self.event()
        if word == K.W_OPENEVENT:
            return self.openevent()
        if word == K.W_CLOSE:
            return self.close()
        if word == K.W_COMMAND:
            return self.command(self.start(), -1)
        if word == K.W_GETACCESS:
            raise self.unexpected("the target of `:=` before GETACCESS", "write `_ok := GETACCESS \"name\"`")
        if word == K.W_RELEASEACCESS:
            return self.releaseaccess()
        return self.no_action(word)

    def no_action(self, word: int) -> int:
        raise NotImplementedError

    # clauses
    def on_process(self) -> int:
        """[ON process]: a node, -1 = not given."""
        return self.reference("a process") if self.accept_word(K.W_ON) else -1

    def instance(self) -> int:
        return self.expression() if self.accept_word(K.W_INSTANCE) else -1

    def instance_of(self, process: int) -> int:
        """[INSTANCE n], which only a process has."""
        return self.instance() if process >= 0 else -1

    def priority(self) -> int:
        return self.expression() if self.accept_word(K.W_PRTY) else -1

    def accept_on_all(self) -> bool:
        if self.word != K.W_ON or self.word_ahead(1) != K.W_ALL:
            return False
        self.move(self.at + 2)
        return True

    # CALL [object]
    def call_object(self, start: int, result: int) -> int:
        """Behind `CALL [`: object`]` [`^`interface] [`[`handle, TC_x`]`] procedure [args] and its clauses."""
        target, interface, conversation, flags = -1, -1, -1, 0
        if self.kind == K.T_LOCAL and self.ahead(1) == K.T_COMMA:
            conversation, flags = self.conversation()
        else:
            target = self.reference("an object")
            self.expect(K.T_RBRACKET, "`]`")
            target, interface = self.interface(target)
            if self.accept(K.T_LBRACKET):
                conversation, flags = self.conversation()
        name = self.expect_name(K.T_NAME, "a procedure")
        args = self.call_arguments()
        more, process, instance = self.call_clauses(result, flags)
        clauses = self.tree.pack([name, flags | more, interface, process, instance, self.priority(), conversation])
        return self.node(K.N_CALL_OBJECT, start, result, target, args, clauses)

    def call_arguments(self) -> int:
        return self.arguments() if self.kind == K.T_LPAREN else self.tree.pack([])

    def interface(self, target: int) -> tuple[int, int]:
        """`[obj]^I.Name`, or `[obj^I.Name]`: the object and the name of the interface."""
        if self.accept(K.T_CARET):
            return target, self.expect_name(K.T_NAME, "the name of an interface")
        tree = self.tree
        if tree.kind[target] == K.N_COLUMN and tree.kind[tree.a[target]] != K.N_INDEX:
            return tree.a[target], tree.b[target]
        return target, -1

    def conversation(self) -> tuple[int, int]:
        """`_h, TC_B]`: the node of the handle and the flag."""
        handle = self.reference("a handle")
        self.comma()
        flag = conversation_flag(self.word)
        if flag == 0:
            raise self.unexpected("`TC_B`, `TC_C` or `TC_E`")
        self.advance()
        self.expect(K.T_RBRACKET, "`]`")
        return handle, flag

    def call_clauses(self, result: int, conversation: int) -> tuple[int, int, int]:
        """[SYNC|ASYNC] [ON process|ALL [INSTANCE n]]: flags and two nodes."""
        flags = self.code_or_async(result)
        if not flags & K.G_ASYNC:
            if conversation:
                raise self.unexpected("`ASYNC`", "calls of a conversation are asynchronous")
            self.accept_word(K.W_SYNC)
        start = self.start()
        if self.accept_on_all():
            if not flags & K.G_ASYNC:
                raise SyntaxFault("ESL2044", start, self.last_end())
            return flags | K.G_ALL, -1, -1
        process = self.on_process()
        return flags, process, self.instance_of(process)

    def code_or_async(self, result: int) -> int:
        """[ASYNC], which gives no return code: the flags of a call."""
        flags = K.G_CODE if result >= 0 else 0
        start = self.start()
        if self.accept_word(K.W_ASYNC):
            flags |= K.G_ASYNC
            if result >= 0:
                raise SyntaxFault("ESL1001", start, self.last_end(), "an ASYNC call gives no return code", wanted="`SYNC`", found="`ASYNC`")
        return flags

    def conversation_parameter(self, params: list[int]) -> None:
        """`[_h, TC_B]` in the header of a procedure is one more parameter in front: IN INT _h."""
        start = self.start()
        if self.accept(K.T_LBRACKET):
            name = self.expect_name(K.T_LOCAL, "a handle beginning with `_`")
            end = self.last_end()
            self.comma()
            if conversation_flag(self.word) == 0:
                raise self.unexpected("`TC_B`, `TC_C` or `TC_E`")
            self.advance()
            self.expect(K.T_RBRACKET, "`]`")
            kind = self.node(K.N_TYPE, start, K.V_INT, -1, 0)
            params.append(self.tree.add(K.N_PARAM, start, end, kind, name, K.M_IN))

    # events
    def event(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("an event")
        names: list[int] = []
        values: list[int] = []
        if self.accept(K.T_LPAREN):
            self.publics(names, values)
        flags = K.G_ASYNC if self.accept_word(K.W_ASYNC) else 0
        if not flags:
            self.accept_word(K.W_SYNC)
        if self.word == K.W_DURABLE:
            if not flags:
                raise SyntaxFault("ESL2071", self.start(), self.tokens.end[self.at])
            self.advance()
            flags |= K.G_DURABLE
        clauses = self.tree.pack([flags, self.priority()])
        return self.node(K.N_EVENT, start, target, self.tree.pack(names), self.tree.pack(values), clauses)

    def publics(self, names: list[int], values: list[int]) -> None:
        """_public = value {, _public = value} `)`"""
        while True:
            names.append(self.expect_name(K.T_LOCAL, "a PUBLIC variable of the event"))
            if not self.accept(K.T_EQ):
                self.expect(K.T_ASSIGN, "`=`")
            values.append(self.expression())
            if not self.accept(K.T_COMMA):
                break
        self.expect(K.T_RPAREN, "`,` or `)`")

    def openevent(self) -> int:
        start = self.start()
        self.advance()
        target = self.reference("an event")
        flags, process = 0, -1
        if self.accept_word(K.W_DIRECT):
            flags = K.O_DIRECT
        elif self.accept_word(K.W_ON):
            process = self.reference("a process")
        else:
            raise SyntaxFault("ESL2045", self.start(), self.end())
        instance = self.instance()
        if self.accept_word(K.W_SYNC):
            flags |= K.O_SYNC
        return self.node(K.N_OPENEVENT, start, target, process, instance, flags)

    def close(self) -> int:
        start = self.start()
        self.advance()
        if self.accept_word(K.W_DIRECT):
            return self.node(K.N_CLOSE, start, -1, -1, -1, K.O_DIRECT)
        target = self.reference("`DIRECT` or an object")
        flags, process = 0, -1
        if self.accept_word(K.W_DIRECT):
            flags = K.O_DIRECT
        elif self.accept_on_all():
            flags = K.O_ALL
        else:
            process = self.on_process()
        return self.tree.add(K.N_CLOSE, start, self.last_end(), target, process, self.instance(), flags)

    # commands and locks
    def command(self, start: int, result: int) -> int:
        self.advance()
        text = self.expression()
        process = self.on_process()
        instance = self.instance_of(process)
        return self.node(K.N_COMMAND, start, result, text, process, instance)

    def getaccess(self, start: int, result: int) -> int:
        self.advance()
        name = self.expression()
        public, holder, note = self.accept_word(K.W_PUBLIC), -1, -1
        if public and self.kind == K.T_LOCAL:
            holder = self.reference("a variable for the holder")
            if self.accept(K.T_COMMA):
                note = self.expression()
        return self.node(K.N_GETACCESS, start, result, name, self.tree.pack([int(public), holder, note]))

    def releaseaccess(self) -> int:
        start = self.start()
        self.advance()
        name = self.expression()
        return self.tree.add(K.N_RELEASEACCESS, start, self.last_end(), name, self.accept_word(K.W_PUBLIC))
