"""DATA/tls as it is found: each fault is named with the file, the date and the command that mends it; who uses TLS where."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hisee.cluster.ca import Authority, renew
from hisee.datadir import DataDir
from hisee.seams import Seams, SystemClock
from hisee.tls import CA, CERTIFICATE, FOLDER, KEY, CertificateFault, Certificates, on_loopback, take_renewed, to_dial, to_listen
from support.certificates import ShiftedClock, computer


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.make(tmp_path / "ca", "TEST", SystemClock())


@pytest.fixture
def data(tmp_path: Path, authority: Authority) -> DataDir:
    """A computer of node SRV1 with certificates."""
    found = DataDir(tmp_path / "data")
    computer(found.path / FOLDER, authority, "SRV1")
    return found


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def other_ca(folder: Path) -> None:
    (folder / CA).write_bytes(Authority.make(folder / "ca2", "OTHER", SystemClock()).pem)


def other_key(folder: Path) -> None:
    other = computer(folder / "other", Authority.make(folder / "ca2", "OTHER", SystemClock()), "SRV1")
    (folder / KEY).write_bytes((other.folder / KEY).read_bytes())


def rubbish(folder: Path) -> None:
    (folder / CERTIFICATE).write_bytes(b"no certificate")


FAULTS: dict[str, tuple[Callable[[Path], object], float, str]] = {
    "no certificate": (without(CERTIFICATE), 0, r"node.pem missing in .*; `hisee cluster init APP --node NODE` makes them"),
    "no key": (without(KEY), 0, "node.key missing"),
    "no CA": (without(CA), 0, "ca.pem missing"),
    "a certificate of another CA": (other_ca, 0, "node.pem is of another CA than .*ca.pem; two systems are mixed"),
    "a key that does not fit": (other_key, 0, "node.key is not the key of node.pem"),
    "a damaged certificate": (rubbish, 0, "node.pem cannot be read"),
    "a key for everybody": (lambda folder: (folder / KEY).chmod(0o644), 0, "node.key can be read by others; chmod 600"),
    "a year later": (lambda folder: None, 366, r"node.pem expired on 20\d\d-\d\d-\d\d \d\d:\d\d UTC; renew it: `hisee cluster renew`"),
    "ten years later": (lambda folder: None, 3660, r"ca.pem expired on 20\d\d-\d\d-\d\d"),
    "a clock that is behind": (lambda folder: None, -2, "node.pem|ca.pem is valid from .*; set the clock"),
}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.parametrize("side", ["server", "client"])
def test_a_fault_of_the_files_is_said_with_the_way_out(data: DataDir, what: str, side: str) -> None:
    spoil, days, words = FAULTS[what]
    spoil(data.path / FOLDER)
    found = Certificates(data.path / FOLDER, ShiftedClock(days=days).now_ms())
    with pytest.raises(CertificateFault, match=words):
        getattr(found, side)()


def test_the_certificate_names_its_node_and_hosts(data: DataDir, authority: Authority, tmp_path: Path) -> None:
    from cryptography import x509

    assert Certificates(data.path / FOLDER, SystemClock().now_ms()).check() == "SRV1"
    key = authority.certificate.public_key()
    made = x509.load_pem_x509_certificate(authority.issue("SRV1", key, ["10.9.1.2", "srv1.plant"]))  # type: ignore[arg-type]
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(n.value) for n in names] == ["SRV1", "10.9.1.2", "srv1.plant"]


@pytest.mark.parametrize(("host", "there"), [("", True), ("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True),
                                             ("10.9.1.2", False), ("0.0.0.0", False), ("::", False), ("srv1", False)])
def test_what_stays_on_this_computer(host: str, there: bool) -> None:
    assert on_loopback(host) == there


@pytest.mark.parametrize(("host", "group", "made", "tls"), [
    ("10.9.1.2", False, True, True), ("10.9.1.2", True, True, True), ("127.0.0.1", False, True, False), ("127.0.0.1", True, True, True),
    ("127.0.0.1", True, False, False), ("10.9.1.2", True, False, False)])
def test_listening_and_dialling_follow_one_rule(data: DataDir, tmp_path: Path, host: str, group: bool, made: bool, tls: bool) -> None:
    where = data if made else DataDir(tmp_path / "bare")
    where.path.mkdir(exist_ok=True)
    (where.path / "run.json").write_text(json.dumps({"group": {"name": "hron"}} if group else {}))
    assert (to_listen(where, host) is not None) == (to_dial(where, host) is not None) == tls


def test_a_renewed_certificate_keeps_key_and_names_and_is_taken_while_running(tmp_path: Path, authority: Authority) -> None:
    old = DataDir(tmp_path / "srv1", Seams(clock=ShiftedClock(days=-200)))
    past = Authority.make(old.path / FOLDER, "TEST", old.seams.clock)
    computer(old.path / FOLDER, past, "SRV1")
    context = Certificates(old.path / FOLDER, SystemClock().now_ms()).server()
    before = shown_by(context, old)
    assert renew(old.path / FOLDER, SystemClock()) == "SRV1"
    take_renewed(context, DataDir(old.path))
    after = shown_by(context, old)
    assert before.public_key() == after.public_key() and before.subject == after.subject
    assert (after.not_valid_after_utc - before.not_valid_after_utc).days == 200


def shown_by(context: ssl.SSLContext, data: DataDir):  # type: ignore[no-untyped-def]
    """The certificate that a server shows, read by a client in memory."""
    from cryptography import x509

    client = Certificates(data.path / FOLDER, SystemClock().now_ms()).client()
    to, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    near, far = client.wrap_bio(back, to), context.wrap_bio(to, back, server_side=True)
    for end in (near, far, near):
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    shown = near.getpeercert(True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown)
