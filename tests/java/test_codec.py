"""Golden bytes: the codecs in C, Python and Java read and write the same, and refuse the same."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from golden import vectors
from hisee._core.frame import Decoder, FrameFault, encode
from hisee.channel.payloads import Hello, unpack

FAULTS = {"frame longer": "long", "check sum": "crc", "lengths": "total", "a frame of": "session"}
MUTATIONS = 3000


def fields_of(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def verdict(fields: dict[str, str], data: bytes, step: int) -> Any:
    """What the C decoder says: the frame, "part", or the fault's short name."""
    decoder = Decoder(int(fields["limit"]))
    decoder.session, decoder.epoch = int(fields["session"]), int(fields["epoch"])
    try:
        for at in range(0, len(data), step):
            decoder.feed(data[at : at + step])
            part = decoder.next()
            if part is not None:
                return part, decoder.ack
    except FrameFault as fault:
        return next(short for words, short in FAULTS.items() if str(fault).startswith(words))
    return "part"


def frame_lines() -> list[str]:
    return vectors.FRAMES.read_text().splitlines()


def test_the_vectors_are_fresh():
    assert frame_lines() == list(vectors.frame_lines())
    assert vectors.PACKS.read_text().splitlines() == list(vectors.pack_lines())
    assert vectors.crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert {line.split()[0] for line in frame_lines()} == {"ok", "part", "long", "total", "crc", "session"}


@pytest.mark.parametrize("line", frame_lines(), ids=lambda line: line.split()[1])
@pytest.mark.parametrize("step", [1, 4096 + 64])
def test_c_reads_and_writes_the_frames(line, step):
    fields = fields_of(line)
    data = bytes.fromhex(fields["frame"])
    found = verdict(fields, data, step)
    if not line.startswith("ok "):
        assert found == line.split()[0]
        return
    (*numbers, payload, seq), ack = found
    assert [*map(str, numbers), str(seq), str(ack)] == [fields[name] for name in vectors.FIELDS]
    assert (payload.hex() or "-") == fields["payload"]
    assert encode(int(fields["session"]), seq, ack, int(fields["epoch"]), *numbers, payload) == data


@pytest.mark.slow
@pytest.mark.req("R142")
def test_java_reads_and_writes_the_frames(java):
    said = java("Vectors", "frames", vectors.FRAMES).splitlines()
    expected = [line if line.startswith("ok ") else " ".join(line.split()[:2]) for line in frame_lines()]
    assert said == expected


@pytest.mark.slow
def test_java_judges_damaged_frames_like_c(java, tmp_path: Path):
    """Every byte of a good frame may be damaged, cut or doubled: both say the same."""
    rng = random.Random(142)
    lines = [damaged(rng, rng.choice(frame_lines())) for _ in range(MUTATIONS)]
    expected = [verdict(fields_of(line), bytes.fromhex(fields_of(line)["frame"]), 1) for line in lines]
    (tmp_path / "frames").write_text("\n".join(lines) + "\n")
    said = [line.split()[0] for line in java("Vectors", "frames", tmp_path / "frames").splitlines()]
    assert said == [e if isinstance(e, str) else "ok" for e in expected]
    assert set(said) >= {"ok", "crc", "total", "session", "part", "long"}


def damaged(rng: random.Random, line: str) -> str:
    fields = fields_of(line)
    data = bytearray.fromhex(fields["frame"])
    for _ in range(rng.randrange(3)):
        place = rng.randrange(min(len(data), 70))
        data[place] = rng.choice([0, 1, 0x80, 0xFF, rng.randrange(256)])
    if rng.random() < 0.2:
        data = data[: rng.randrange(1, len(data) + 1)]
    return f"? x limit=4096 session={fields['session']} epoch={fields['epoch']} frame={data.hex()}"


def pack_lines() -> list[list[str]]:
    return [line.split(" ", 3) for line in vectors.PACKS.read_text().splitlines()]


def plain(value: Any) -> Any:
    """Bytes as packs.txt writes them."""
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("words", pack_lines(), ids=lambda words: words[1])
def test_python_reads_and_writes_the_values(words):
    data = b"" if words[2] == "-" else bytes.fromhex(words[2])
    if words[0] == "bad":
        with pytest.raises(msgspec.MsgspecError):
            unpack(Hello, b"\x82\xa4kind\xa3JWP\xa5facts\x81\xa1x" + data + (b"" if words[1] != "nothing" else b"\xc1"))
    elif words[0] == "ok":
        value = msgspec.msgpack.decode(data)
        assert repr(plain(value)) == repr(json.loads(words[3]))
        assert msgspec.msgpack.encode(value) == data


@pytest.mark.parametrize("facts", [b"\xa2\xc3\x28", b"\x91" * 100_000 + b"\x90"], ids=["no UTF-8", "nested without end"])
def test_a_payload_of_any_bytes_is_refused_as_such(facts):
    with pytest.raises(msgspec.DecodeError):
        unpack(Hello, b"\x82\xa4kind\xa3JWP\xa5facts\x81\xa1x" + facts)


@pytest.mark.slow
@pytest.mark.req("R142")
def test_java_reads_and_writes_the_values(java):
    for words, said in zip(pack_lines(), java("Vectors", "packs", vectors.PACKS).splitlines(), strict=True):
        if words[0] == "ok":
            verdict, name, data, value = said.split(" ", 3)
            assert [verdict, name, data, json.loads(value)] == ["ok", *words[1:3], json.loads(words[3])]
        else:
            assert said.split()[0] == "refused", f"{words}: {said}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_java_survives_damaged_streams(java, seed):
    """Any bytes end as a fault or a message: never as another exception, a hang, or more memory than the small machine has."""
    words = java("Vectors", "fuzz", vectors.FRAMES, seed, 20_000).split()
    assert int(words[1]) > 1_000 and int(words[3]) > 100
