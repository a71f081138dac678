"""Hashes, encodings, encryption. Texts are taken as their UTF-8 bytes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from typing import TYPE_CHECKING, Any

from hisee.script.functions.on_files import ALGORITHMS
from hisee.script.functions.registry import CONVERSION, RANGE, function

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

ROUNDS = 100_000  # of PBKDF2
SALT, NONCE, TAG = 16, 12, 16  # bytes
SIGNS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LONGEST_RANDOM = 10_000
PASSWORD_MARK = "pbkdf2-sha256"


def text_of(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return CONVERSION


def unbase64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def derived(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS, 32)


@function("%Hash")
def hash_(own: Functions, algorithm: str, text: str) -> Any:
    name = ALGORITHMS.get(algorithm.upper())
    return RANGE if name is None else hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()


@function("%Hmac")
def hmac_(own: Functions, algorithm: str, key: str, text: str) -> Any:
    name = ALGORITHMS.get(algorithm.upper())
    return RANGE if name is None else hmac.new(key.encode(), text.encode(), name).hexdigest()


@function("%Base64Enc")
def base64_enc(own: Functions, text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@function("%Base64Dec")
def base64_dec(own: Functions, text: str) -> Any:
    data = unbase64(text)
    return CONVERSION if data is None else text_of(data)


@function("%HexEnc")
def hex_enc(own: Functions, text: str) -> str:
    return text.encode().hex()


@function("%HexDec")
def hex_dec(own: Functions, text: str) -> Any:
    try:
        return text_of(binascii.unhexlify(text))
    except (binascii.Error, ValueError):
        return CONVERSION


@function("%Crc32")
def crc32(own: Functions, text: str) -> int:
    return zlib.crc32(text.encode())


@function("%Encrypt")
def encrypt(own: Functions, key: str, plain: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = own.site.seams.rng.secret(SALT), own.site.seams.rng.secret(NONCE)
    return base64.b64encode(salt + nonce + AESGCM(derived(key, salt)).encrypt(nonce, plain.encode(), None)).decode()


@function("%Decrypt")
def decrypt(own: Functions, key: str, cipher: str) -> Any:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    data = unbase64(cipher)
    if data is None or len(data) < SALT + NONCE + TAG:
        return CONVERSION
    salt, nonce = data[:SALT], data[SALT:SALT + NONCE]
    try:
        return text_of(AESGCM(derived(key, salt)).decrypt(nonce, data[SALT + NONCE:], None))
    except InvalidTag:
        return CONVERSION


@function("%RandomText")
def random_text(own: Functions, count: int) -> Any:
    if not 0 <= count <= LONGEST_RANDOM:
        return RANGE
    out: list[str] = []
    while len(out) < count:  # bytes that would favour some signs are thrown away
        out += [SIGNS[b % len(SIGNS)] for b in own.site.seams.rng.secret(count) if b < 256 - 256 % len(SIGNS)]
    return "".join(out[:count])


@function("%PwdHash")
def pwd_hash(own: Functions, password: str) -> str:
    salt = own.site.seams.rng.secret(SALT)
    return f"{PASSWORD_MARK}${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(derived(password, salt)).decode()}"


@function("%PwdCheck")
def pwd_check(own: Functions, password: str, hashed: str) -> Any:
    parts = hashed.split("$")
    if len(parts) != 4 or parts[:2] != [PASSWORD_MARK, str(ROUNDS)]:
        return CONVERSION
    salt, wanted = unbase64(parts[2]), unbase64(parts[3])
    if salt is None or wanted is None or len(salt) != SALT:
        return CONVERSION
    return hmac.compare_digest(derived(password, salt), wanted)
