"""The one-time code that an operator carries from one computer to the other: eight groups of five letters and digits.

It holds the CA's fingerprint, by which the joining computer knows the right system, and a secret, by which the system knows the
joining computer. A check byte finds slips of the pen before they count as a wrong try.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from hisee.errors import UsageError
from hisee.seams import Rng

FINGERPRINT_BYTES, SECRET_BYTES = 15, 9  # with the check byte 25 bytes, 40 letters
GROUP = 5


@dataclass(frozen=True)
class Code:
    fingerprint: bytes
    secret: bytes

    @classmethod
    def make(cls, fingerprint: bytes, rng: Rng) -> Code:
        return cls(fingerprint[:FINGERPRINT_BYTES], rng.secret(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Code:
        """As typed: case, spaces and hyphens do not matter. Raises UsageError."""
        try:
            data = base64.b32decode("".join(text.upper().replace("-", " ").split()).replace("0", "O").replace("1", "I"))
        except (binascii.Error, ValueError):
            data = b""
        found = cls(data[:FINGERPRINT_BYTES], data[FINGERPRINT_BYTES:-1])
        if len(found.secret) != SECRET_BYTES or data[-1:] != found._check():
            raise UsageError("this is no code of `hisee cluster invite`", hint="eight groups of five letters and digits; is one mistyped?")
        return found

    @property
    def text(self) -> str:
        letters = base64.b32encode(self.fingerprint + self.secret + self._check()).decode()
        return "-".join(letters[i:i + GROUP] for i in range(0, len(letters), GROUP))

    def _check(self) -> bytes:
        return hashlib.sha256(self.fingerprint + self.secret).digest()[:1]

    def prove(self, label: bytes, *parts: bytes) -> bytes:
        """HMAC-SHA-256 over fixed-length parts: that the prover holds the code."""
        return hmac.new(self.secret, label + b"".join(parts), hashlib.sha256).digest()

    def knows(self, ca_fingerprint: bytes) -> bool:
        return hmac.compare_digest(ca_fingerprint[:FINGERPRINT_BYTES], self.fingerprint)
