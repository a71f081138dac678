"""The system's own certification authority: makes itself, issues and renews the certificates of the computers.

DATA/tls/ca.key exists on the first server only; node.key never leaves its computer. EC P-256; the CA holds ten years, a
computer's certificate one.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hisee.errors import AccessRefused, UsageError
from hisee.seams import Clock
from hisee.tls import CA, CERTIFICATE, KEY, node_named

CA_KEY = "ca.key"
CA_DAYS, NODE_DAYS = 3652, 365
EARLY = datetime.timedelta(days=1)  # valid before it is made: the clock of another computer may be behind
PUBLIC, PRIVATE = 0o644, 0o600


class Authority:
    """The CA with its key. `fingerprint` is what a one-time code is bound to."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, clock: Clock) -> None:
        self.certificate, self._key, self._clock = certificate, key, clock

    @classmethod
    def make(cls, folder: Path, system: str, clock: Clock) -> Authority:
        """A new one in `folder`. Raises UsageError when there is one."""
        if (folder / CA).exists():
            raise UsageError(f"{folder / CA} is there already", hint="`hisee cluster invite` lets further computers join")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "hisee"), x509.NameAttribute(NameOID.COMMON_NAME, f"{system} CA")])
        draft = _draft(name, name, key.public_key(), clock, CA_DAYS)
        draft = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        draft = draft.add_extension(_usage(signs_certificates=True), critical=True)
        certificate = draft.sign(key, hashes.SHA256())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(folder / CA_KEY, pem_of_key(key), PRIVATE)
        write(folder / CA, certificate.public_bytes(Encoding.PEM), PUBLIC)
        return cls(certificate, key, clock)

    @classmethod
    def load(cls, folder: Path, clock: Clock) -> Authority:
        """The one in `folder`. Raises AccessRefused where the key is not, or is damaged."""
        if not (folder / CA_KEY).exists():
            raise AccessRefused(f"no {folder / CA_KEY}: this computer issues no certificates",
                                hint="do this on the first server of the system, where `hisee cluster init` was run")
        try:
            certificate = x509.load_pem_x509_certificate((folder / CA).read_bytes())
            return cls(certificate, load_key(folder / CA_KEY), clock)
        except (OSError, ValueError) as fault:
            raise AccessRefused(f"the CA in {folder} cannot be read: {fault}", hint="restore it from a backup") from fault

    @property
    def fingerprint(self) -> bytes:
        return self.certificate.fingerprint(hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, node: str, public_key: ec.EllipticCurvePublicKey, hosts: Iterable[str] = ()) -> bytes:
        """The certificate of a computer as PEM. `hosts` are names and addresses under which others call it (PostgreSQL looks)."""
        subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "hisee"), x509.NameAttribute(NameOID.COMMON_NAME, node)])
        draft = _draft(subject, self.certificate.subject, public_key, self._clock, NODE_DAYS)
        for extension, critical in (
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(signs_certificates=False), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (x509.SubjectAlternativeName([_host(h) for h in dict.fromkeys([node, *hosts])]), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ):
            draft = draft.add_extension(extension, critical=critical)
        return draft.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def issue_for(self, request: bytes, hosts: Iterable[str] = ()) -> bytes:
        """The certificate that a request (PEM) asks for. Raises UsageError when its maker does not hold the key."""
        node, public_key = read_request(request)
        return self.issue(node, public_key, hosts)


def _draft(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, clock: Clock,
           days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.fromtimestamp(clock.now_ms() / 1000, datetime.UTC)
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(now - EARLY).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False))


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
                         content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
                         encipher_only=False, decipher_only=False)


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


# -- a computer's own key and certificate


def own_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """The key of this computer, a new one where there is none. A renewed certificate keeps it, so that one file is replaced at once."""
    path = folder / KEY
    if not path.exists():
        return ec.generate_private_key(ec.SECP256R1())
    try:
        return load_key(path)
    except ValueError as fault:
        raise AccessRefused(f"{path} cannot be read: {fault}", hint="remove it; a new one is made") from fault


def keep_own(folder: Path, key: ec.EllipticCurvePrivateKey, certificate: bytes) -> None:
    """Key and certificate (PEM) of this computer."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / KEY).exists():
        write(folder / KEY, pem_of_key(key), PRIVATE)
    write(folder / CERTIFICATE, certificate, PUBLIC)


def make_request(node: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """What a computer asks the CA with: its name and its public key, signed."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, node)])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def read_request(request: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Node and public key. Raises UsageError."""
    try:
        found = x509.load_pem_x509_csr(request)
        key = found.public_key()
        if not found.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("its maker does not hold the key")
    except (ValueError, InvalidSignature) as fault:
        raise UsageError(f"the request for a certificate is not valid: {fault}") from fault
    return node_named(found), key


def renew(folder: Path, clock: Clock) -> str:
    """A new certificate for this computer, with the names and the key of the old one; its node. Raises AccessRefused."""
    authority = Authority.load(folder, clock)
    old = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    node, key = node_named(old), own_key(folder)
    keep_own(folder, key, authority.issue(node, key.public_key(), hosts_of(old)))
    return node


def hosts_of(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except TypeError as fault:  # it has a password
        raise ValueError(str(fault)) from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("no EC key")
    return key


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write(path: Path, data: bytes, mode: int) -> None:
    """The whole file or the old one; never readable by others for a moment when it is private."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
