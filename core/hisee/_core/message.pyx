# cython: binding=False
"""The message that one process sends another. Knows no carrier."""

cimport cython
from libc.stdint cimport uint16_t, uint32_t, uint64_t


@cython.freelist(64)
@cython.no_gc  # a payload refers to no message
cdef class Message:
    """What one process tells another; the fields are those of docs/design/protocol.md. `quiet` is not sent along and does not count
    in a comparison: such a message wakes nobody who sleeps at a ring.
    """

    def __init__(self, uint16_t kind, unsigned char lane=0, uint32_t source=0, uint32_t target=0, uint32_t object=0, uint64_t corr=0,
                 payload=b"", bint wants_answer=False, bint quiet=False):
        self.kind, self.lane, self.source, self.target, self.object, self.corr = kind, lane, source, target, object, corr
        self.payload, self.wants_answer, self.quiet = payload, wants_answer, quiet

    @property
    def _fields(self):
        return self.kind, self.lane, self.source, self.target, self.object, self.corr, self.payload, self.wants_answer

    def __eq__(self, other):
        if type(other) is not Message:
            return NotImplemented
        return self._fields == (<Message>other)._fields

    def __hash__(self):
        raise TypeError("unhashable type: 'Message'")

    def __reduce__(self):
        return Message, (*self._fields, self.quiet)

    def __repr__(self):
        names = ("kind", "lane", "source", "target", "object", "corr", "payload", "wants_answer", "quiet")
        return f"Message({', '.join(f'{name}={value!r}' for name, value in zip(names, (*self._fields, self.quiet)))})"
