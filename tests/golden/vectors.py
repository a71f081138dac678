"""Makes the golden vectors that the codecs in C, Python and Java share; written apart from all three, slowly and plainly.

    python tests/golden/vectors.py        writes frames.txt and packs.txt beside this file

A line of frames.txt: verdict, name, what the reader expects (limit, session, epoch), the fields, the bytes. Verdicts: ok, part
(more bytes are needed), long, total, crc, session. A line of packs.txt: verdict, name, bytes, and for ok the value as JSON
(bytes as {"$bytes": hex}). bad = every codec refuses it; outside = MessagePack, but not of our subset: Java refuses it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRAMES, PACKS = HERE / "frames.txt", HERE / "packs.txt"
FIRST, LAST, WANTS = 1, 2, 4
POLYNOMIAL = 0x82F63B78  # of CRC-32C, reflected
FIELDS = ("kind", "lane", "flags", "source", "target", "object", "total", "corr", "seq", "ack")


def crc32c(data: bytes) -> int:
    """Bit by bit (Castagnoli 1993; parameters of RFC 3720, section 12.1)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(payload: bytes = b"", *, session: int = 0, epoch: int = 0, length: int | None = None, crc: int | None = None,
          **fields: int) -> bytes:
    """The bytes of docs/design/protocol.md. `length` and `crc` may be given wrong."""
    f = dict.fromkeys(FIELDS, 0) | {"flags": FIRST | LAST, "total": len(payload)} | fields
    envelope = struct.pack("<IHBBIIIIQ", len(payload) if length is None else length, f["kind"], f["lane"], f["flags"], f["source"],
                           f["target"], f["object"], f["total"], f["corr"])
    right = crc32c(envelope + payload)
    return struct.pack("<QQQII", session, f["seq"], f["ack"], epoch, right if crc is None else crc) + envelope + payload


GOOD: dict[str, tuple[bytes, dict[str, int]]] = {
    "hello": (b"\x81\xa4kind\xa3JWP", {"kind": 0x0F01}),
    "heartbeat": (b"", {"kind": 0x0F07, "session": 7, "epoch": 1, "ack": 3}),
    "call": (b"\x82\xa4task\x01\xa7service\xa4echo",
             {"kind": 0x012F, "lane": 10, "flags": 7, "source": 1073741824, "target": 2**31 + 5, "corr": 9, "seq": 1, "session": 2**63 + 1,
              "epoch": 1}),
    "all bits": (bytes(range(256)), {"kind": 0xFFFF, "lane": 255, "source": 2**32 - 1, "target": 2**32 - 1, "object": 2**32 - 1,
                                     "corr": 2**64 - 1, "seq": 2**64 - 1, "ack": 2**64 - 1, "session": 2**64 - 1, "epoch": 2**32 - 1}),
    "first fragment": (b"abc", {"kind": 0x0201, "lane": 11, "flags": FIRST, "total": 9, "seq": 4, "session": 1, "epoch": 1}),
    "middle fragment": (b"def", {"kind": 0x0201, "lane": 11, "flags": 0, "total": 9, "seq": 5, "session": 1, "epoch": 1}),
    "last fragment": (b"ghi", {"kind": 0x0201, "lane": 11, "flags": LAST, "total": 9, "seq": 6, "session": 1, "epoch": 1}),
    "an empty last fragment": (b"", {"kind": 0x0201, "flags": LAST, "total": 9, "session": 1, "epoch": 1}),
    "exactly the limit": (b"x" * 4096, {"kind": 0x011A, "session": 1, "epoch": 1}),
}


def frame_lines() -> Iterator[str]:
    for name, (payload, given) in GOOD.items():
        data = frame(payload, **given)
        yield line("ok", name, given, data, payload)
        yield line("part", f"{name}: one byte short", given, data[:-1])
    yield line("part", "no head yet", {}, frame()[:63])
    yield from damaged()


def damaged() -> Iterator[str]:
    base = {"kind": 0x0201, "session": 1, "epoch": 1}
    data = frame(b"payload", **base)
    for position in (28, 31, 36, 38, 40, 52 + 4, 63, 64, len(data) - 1):  # from the CRC on; what contradicts itself is found before
        yield line("crc", f"bit of byte {position}", base, data[:position] + bytes([data[position] ^ 0x20]) + data[position + 1:])
    yield line("crc", "check sum 0", base, frame(b"payload", crc=0, **base))
    yield line("long", "over the limit", base, frame(b"", length=4097, total=4097, **base))
    yield line("long", "wild length", base, frame(b"", length=2**32 - 1, total=2**32 - 1, **base))
    yield line("long", "length with the sign bit", base, frame(b"", length=2**31, total=2**31, **base))
    yield line("total", "length over total", base, frame(b"abcd", total=3, **base))
    yield line("total", "whole, but not all of it", base, frame(b"abcd", total=5, **base))
    yield line("total", "a part that is the whole", base, frame(b"abcd", flags=FIRST, total=4, **base))
    yield line("total", "an unknown flag", base, frame(b"abcd", flags=11, **base))
    yield line("session", "another session", base, frame(b"", kind=0x0201, session=2, epoch=1))
    yield line("session", "another epoch", base, frame(b"", kind=0x0201, session=1, epoch=2))
    yield line("session", "a frame from before the logon", base, frame(b"", kind=0x0201))


def line(verdict: str, name: str, given: dict[str, int], data: bytes, payload: bytes | None = None) -> str:
    f = dict.fromkeys(FIELDS, 0) | {"flags": FIRST | LAST, "total": len(payload or b"")} | given
    words = [verdict, name.replace(" ", "_"), "limit=4096", f"session={given.get('session', 0)}", f"epoch={given.get('epoch', 0)}"]
    if payload is not None:
        words += [f"{key}={f[key]}" for key in FIELDS] + [f"payload={payload.hex() or '-'}"]
    return " ".join([*words, f"frame={data.hex()}"])


def pack_lines() -> Iterator[str]:
    """Bytes written out by hand after the MessagePack specification."""
    for name, data, value in (
        ("nil", "c0", "null"), ("true", "c3", "true"), ("false", "c2", "false"), ("zero", "00", "0"), ("127", "7f", "127"),
        ("128", "cc80", "128"), ("255", "ccff", "255"), ("256", "cd0100", "256"), ("65536", "ce00010000", "65536"),
        ("2^32", "cf0000000100000000", "4294967296"), ("2^63-1", "cf7fffffffffffffff", "9223372036854775807"),
        ("2^63", "cf8000000000000000", "9223372036854775808"), ("2^64-1", "cfffffffffffffffff", "18446744073709551615"),
        ("-1", "ff", "-1"), ("-32", "e0", "-32"), ("-33", "d0df", "-33"), ("-129", "d1ff7f", "-129"), ("-32769", "d2ffff7fff", "-32769"),
        ("-2^31-1", "d3ffffffff7fffffff", "-2147483649"), ("-2^63", "d38000000000000000", "-9223372036854775808"),
        ("0.5", "cb3fe0000000000000", "0.5"), ("-0.0", "cb8000000000000000", "-0.0"), ("1e300", "cb7e37e43c8800759c", "1e+300"),
        ("empty text", "a0", '""'), ("text", "a568657365652e"[:-2], '"hesee"'), ("beyond the plane", "a4f09f8aa7", '"\U0001f2a7"'),
        ("32 letters", "d920" + "61" * 32, '"' + "a" * 32 + '"'), ("256 letters", "da0100" + "61" * 256, '"' + "a" * 256 + '"'),
        ("bytes", "c40300ff80", '{"$bytes": "00ff80"}'), ("256 bytes", "c50100" + "00" * 256, '{"$bytes": "' + "00" * 256 + '"}'),
        ("empty list", "90", "[]"), ("list", "9301a16290", '[1, "b", []]'), ("16 items", "dc0010" + "01" * 16, str([1] * 16)),
        ("empty map", "80", "{}"), ("map", "82a16101a162c0", '{"a": 1, "b": null}'),
        ("16 keys", "de0010" + "".join(f"a1{97 + i:02x}{i:02x}" for i in range(16)),
         "{" + ", ".join(f'"{chr(97 + i)}": {i}' for i in range(16)) + "}"),
        ("deep", "91" * 60 + "90", "[" * 61 + "]" * 61),
    ):
        yield f"ok {name.replace(' ', '_')} {data} {value}"
    for verdict, name, data in (
        ("bad", "nothing", ""), ("bad", "never used", "c1"), ("bad", "two values", "0000"), ("bad", "half an integer", "cd01"),
        ("bad", "text cut off", "a561"), ("bad", "wild text", "dbffffffff61"), ("bad", "wild bytes", "c6ffffffff"),
        ("bad", "wild list", "ddffffffff00"), ("bad", "wild map", "dfffffffffa16100"), ("bad", "map without its last value", "81a161"),
        ("bad", "no UTF-8", "a2c328"), ("bad", "UTF-8 of a surrogate", "a3eda080"), ("bad", "overlong UTF-8", "a2c080"),
        ("outside", "extension", "d40100"), ("outside", "a number as key", "810102"),
        ("outside", "nested 1000 deep", "91" * 1000 + "90"),
    ):
        yield f"{verdict} {name.replace(' ', '_')} {data or '-'}"


def main() -> None:
    FRAMES.write_text("\n".join(frame_lines()) + "\n")
    PACKS.write_text("\n".join(pack_lines()) + "\n")


if __name__ == "__main__":
    main()
