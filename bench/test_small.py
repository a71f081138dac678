"""Small cases, each beside a peer: the register machine against CPython, the value codec and the memory carrier against msgspec."""

import msgspec
import pytest

from hisee._core.values import decode, encode
from hisee._core.vm import Script, Status, Unit
from hisee.channel import Message, memory_pair
from hisee.config import limits
from hisee.esl import ObjectContext, compile_source
from hisee.schema.lanes import Lane
from hisee.schema.messages import MessageKind
from support.channels import make_pair

ROUNDS = 200_000
LOOP = """
INT _i, _sum
BEGIN
  _sum := 0
  FOR _i = 1 TO 200000 DO_LOOP
    _sum := _sum + %Mod(_i, 7)
  END_LOOP
  LOG "sum", _sum
END
"""
VALUES = [1, 2.5, "pump station", True] * 8


def expected_sum() -> int:
    total = 0
    for i in range(1, ROUNDS + 1):
        total = total + i % 7
    return total


def loop_script() -> Script:
    compiled = compile_source(LOOP, name="loop", context=ObjectContext(kind="script", server_script=False))
    assert compiled.unit is not None, compiled.diagnostics
    return Script(Unit(compiled.unit), None, None, limits(), None)


def run_loop(script: Script) -> int:
    script.start_init()
    while (status := script.run(1_000_000)) is Status.SLICE:
        pass
    assert status is Status.ACTION
    answer = decode(script.pending.payload)[-1]
    script.complete()
    assert script.run(1000) is Status.DONE
    return answer


@pytest.mark.benchmark(group="loop")
def test_loop_in_the_vm(benchmark):
    assert benchmark(run_loop, loop_script()) == expected_sum()


@pytest.mark.benchmark(group="loop")
def test_loop_in_python(benchmark):
    assert benchmark(expected_sum) == run_loop(loop_script())


@pytest.mark.benchmark(group="codec")
def test_codec_of_values(benchmark):
    assert benchmark(lambda: decode(encode(VALUES))) == VALUES


@pytest.mark.benchmark(group="codec")
def test_codec_peer_msgspec(benchmark):
    assert benchmark(lambda: msgspec.msgpack.decode(msgspec.msgpack.encode(VALUES))) == VALUES


@pytest.mark.benchmark(group="channel")
def test_round_trip_over_memory(benchmark):
    near, far = memory_pair()
    message = Message(kind=MessageKind.ECHO, lane=Lane.BULK, payload=b"x" * 64)

    def there_and_back() -> bytes:
        near.send(message)
        far.send(far.receive(1.0))
        return near.receive(1.0).payload

    assert benchmark(there_and_back) == message.payload
    near.close()
    far.close()


@pytest.mark.benchmark(group="network")
@pytest.mark.parametrize("carrier", ["tcp", "tls"])
def test_round_trip_over_loopback(benchmark, tmp_path, carrier):
    near, far = make_pair(carrier, tmp_path)
    message = Message(kind=MessageKind.ECHO, lane=Lane.BULK, payload=b"x" * 64)

    def there_and_back() -> bytes:
        near.send(message)
        far.send(far.receive(1.0))
        return near.receive(1.0).payload

    assert benchmark(there_and_back) == message.payload
    near.close()
    far.close()
