"""Who may see the page: a one-time token in the address is exchanged for a session cookie. Pure; no web server here."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

from hisee.seams import Rng

TOKEN_BYTES = 24
SESSIONS = 64


class Access:
    """Token and sessions of one hip process; both die with it. Only hashes of session ids are kept."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._sessions: OrderedDict[bytes, None] = OrderedDict()
        self.token = self._draw()

    def _draw(self) -> str:
        return self._rng.secret(TOKEN_BYTES).hex()

    def exchange(self, token: str) -> str | None:
        """A new session for a token that was not used yet; the next address gets another token."""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return None
        self.token = self._draw()
        session = self._draw()
        self._sessions[self._digest(session)] = None
        while len(self._sessions) > SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def known(self, session: str) -> bool:
        return self._digest(session) in self._sessions

    @staticmethod
    def _digest(session: str) -> bytes:
        return hashlib.sha256(session.encode()).digest()
