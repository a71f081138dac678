"""The ways to the other computers of a group, over real sockets and real certificates; what is said of them."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hisee.cluster.ca import Authority
from hisee.datadir import DataDir
from hisee.pair import ways
from hisee.seams import SystemClock
from support.certificates import computer
from support.postgres import free_port

NOW = dt.datetime.now(dt.UTC)


class Door:
    """Ends every handshake, as a communication process does before it reads a word."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._sock, self._context = socket.create_server(("127.0.0.1", 0)), context
        self.port = int(self._sock.getsockname()[1])
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while True:
                sock, _ = self._sock.accept()
                try:
                    with self._context.wrap_socket(sock, server_side=True) as secure:
                        secure.recv(1)
                except OSError:
                    sock.close()
        except OSError:
            return

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join()


def group(*ports: int, **more: Any) -> dict[str, Any]:
    servers = {"SRV1": {"hosts": ["127.0.0.1"], "cp": list(ports)}, "SRV2": {"hosts": ["127.0.0.1"], "cp": list(ports)}}
    return {"name": "plant", "database": "elsewhere", "witness": "", "servers": servers, **more}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[DataDir]:
    """SRV1 with certificates of an authority, in a group."""
    authority = Authority.make(tmp_path / "ca", "TEST", SystemClock())
    data = DataDir(tmp_path / "data")
    data.path.mkdir()
    computer(data.path / "tls", authority, "SRV1")
    computer(tmp_path / "SRV2", authority, "SRV2")
    computer(tmp_path / "SRV9", authority, "SRV9")
    computer(tmp_path / "other", Authority.make(tmp_path / "ca2", "OTHER", SystemClock()), "SRV2")
    data.write_run({"group": group(), "server": "SRV1"})
    yield data


@pytest.fixture
def door(request: pytest.FixtureRequest, here: DataDir, tmp_path: Path) -> Iterator[Door]:
    """Of the computer whose folder the test names."""
    from hisee.tls import Certificates

    made = Door(Certificates(tmp_path / request.param, SystemClock().now_ms()).server())
    yield made
    made.close()


@pytest.mark.parametrize("door", ["SRV2"], indirect=True)
def test_one_door_that_answers_is_enough(here: DataDir, door: Door) -> None:
    (row,) = ways.look(group(free_port(), door.port), here, "SRV1")
    assert (row["node"], row["port"], row["why"]) == ("SRV2", door.port, "") and row["ms"] >= 0
    own = ways.own_certificate(here)
    assert own is not None and (own["node"], own["why"]) == ("SRV1", "") and not ways.faults([row], own, NOW)
    assert any("certificate until" in line for line in ways.text([row], own)) and len(own["ca"]) == 64
    (soon,) = ways.faults([row], None, dt.datetime.fromisoformat(row["until"]) - dt.timedelta(days=29))
    assert soon.startswith(f"the certificate of SRV2 ends on {row['until'][:10]}")


@pytest.mark.parametrize(("door", "why"), [("other", "another CA"), ("SRV9", "it shows the certificate of SRV9")], indirect=["door"])
def test_a_door_of_somebody_else_is_named(here: DataDir, door: Door, why: str) -> None:
    rows = ways.look(group(door.port), here, "SRV1")
    (said,) = ways.faults(rows, None, NOW)
    assert said.startswith("no communication process of SRV2 can be used at 127.0.0.1: ") and why in said


def test_nobody_answers_and_no_port_is_listed(here: DataDir) -> None:
    assert "refused" in ways.faults(ways.look(group(free_port()), here, "SRV1"), None, NOW)[0]
    assert "lists no port" in ways.faults(ways.look(group(), here, "SRV1"), None, NOW)[0]


def test_the_computers_of_a_managed_pair(here: DataDir) -> None:
    found = ways.targets(group(3119, database="pg_auto_failover", witness="10.9.3.2"), "SRV1")
    assert [(t.node, t.what, t.ports) for t in found] == [("SRV2", ways.DOOR, (3119,)), ("SRV2", ways.DATABASE, (6001,)),
                                                          ("", ways.MONITOR, (6000,))]
    assert {t.node for t in ways.targets(group(3119), "WS1")} == {"SRV1", "SRV2"}, "a workstation looks at both"


def test_certificates_that_are_worth_nothing(here: DataDir) -> None:
    (here.path / "tls" / "node.pem").unlink()
    own = ways.own_certificate(here)
    assert own is not None and "node.pem missing" in ways.faults([], own, NOW)[0] and ways.text([], own) == []
