"""Certificates of this computer (DATA/tls) and the TLS 1.3 contexts made of them: both ends show one of the system's own CA.

Host names are not checked: who holds a certificate of the CA belongs to the system, and the certificate names its node.
`hisee cluster init` and `join` make the files; nothing here writes.
"""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hisee.datadir import DataDir
from hisee.errors import AccessRefused, CannotConnect

FOLDER, CA, CERTIFICATE, KEY = "tls", "ca.pem", "node.pem", "node.key"
MAKE = "`hisee cluster init APP --node NODE` makes them on the first server, `hisee cluster join HOST CODE --node NODE` on the others"
RENEW = "renew it: `hisee cluster renew` where ca.key is, else `hisee cluster invite` there and `hisee cluster join` here"
OTHERS = 0o077  # permissions of everybody but the owner


class CertificateFault(AccessRefused):
    """A file of DATA/tls is missing, over its time, foreign or damaged: no connection to another computer can be made with it."""


@dataclass(frozen=True)
class Certificates:
    """The three files of one computer. Reads them at each call, so that a renewed certificate counts from the next one on."""

    folder: Path
    now_ms: int  # wall clock: certificates are valid between two dates

    @property
    def there(self) -> bool:
        """Was this computer given certificates, whatever they are worth?"""
        return self.folder.is_dir()

    def server(self) -> ssl.SSLContext:
        """For who is dialled. Raises CertificateFault."""
        return self._context(ssl.PROTOCOL_TLS_SERVER)

    def client(self) -> ssl.SSLContext:
        """For who dials. Raises CertificateFault."""
        return self._context(ssl.PROTOCOL_TLS_CLIENT)

    def check(self) -> str:
        """The node that the certificate names. Raises CertificateFault with what is wrong."""
        missing = self._missing()
        if missing:
            raise CertificateFault(f"{', '.join(missing)} missing in {self.folder}", hint=MAKE)
        if self._path(KEY).stat().st_mode & OTHERS:
            raise CertificateFault(f"{self._path(KEY)} can be read by others", hint=f"chmod 600 {self._path(KEY)}")
        ca, own = self._certificate(CA), self._certificate(CERTIFICATE)
        for name, certificate in ((CA, ca), (CERTIFICATE, own)):
            self._check_dates(name, certificate)
        self._check_issuer(ca, own)
        return node_named(own)

    def facts(self) -> dict[str, str]:
        """node, until and ca_until (ISO 8601), ca (SHA-256 of the CA's certificate). Raises CertificateFault as `check`."""
        from cryptography.hazmat.primitives.hashes import SHA256

        node, ca, own = self.check(), self._certificate(CA), self._certificate(CERTIFICATE)
        return {"node": node, "until": own.not_valid_after_utc.isoformat(), "ca_until": ca.not_valid_after_utc.isoformat(),
                "ca": ca.fingerprint(SHA256()).hex()}

    # -- how

    def _context(self, protocol: int) -> ssl.SSLContext:
        self.check()
        context = bare_context(protocol)
        context.load_verify_locations(self._path(CA))
        context.verify_mode = ssl.CERT_REQUIRED
        self.load(context)
        return context

    def load(self, context: ssl.SSLContext) -> None:
        """Certificate and key into a context. Raises CertificateFault."""
        try:
            context.load_cert_chain(self._path(CERTIFICATE), self._path(KEY))
        except ssl.SSLError as fault:
            raise CertificateFault(f"{self._path(KEY)} is not the key of {CERTIFICATE} ({fault.reason})",
                                   hint=f"restore both from a backup, or remove {self.folder} and join again") from fault

    def _path(self, name: str) -> Path:
        return self.folder / name

    def _missing(self) -> list[str]:
        return [name for name in (CA, CERTIFICATE, KEY) if not self._path(name).is_file()]

    def _certificate(self, name: str) -> Any:
        from cryptography import x509  # only where there are certificates: its import takes longer than everything here

        try:
            return x509.load_pem_x509_certificate(self._path(name).read_bytes())
        except (OSError, ValueError) as fault:
            raise CertificateFault(f"{self._path(name)} cannot be read: {fault}", hint="restore it from a backup, or join again") from fault

    def _check_dates(self, name: str, certificate: Any) -> None:
        now = datetime.datetime.fromtimestamp(self.now_ms / 1000, datetime.UTC)
        if now > certificate.not_valid_after_utc:
            raise CertificateFault(f"{self._path(name)} expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC", hint=RENEW)
        if now < certificate.not_valid_before_utc:
            raise CertificateFault(f"{self._path(name)} is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on, and here "
                                   f"it is {now:%Y-%m-%d %H:%M} UTC", hint="set the clock of this computer")

    def _check_issuer(self, ca: Any, own: Any) -> None:
        from cryptography.exceptions import InvalidSignature

        try:
            own.verify_directly_issued_by(ca)
        except (InvalidSignature, ValueError, TypeError) as fault:
            raise CertificateFault(f"{self._path(CERTIFICATE)} is of another CA than {self._path(CA)}",
                                   hint=f"two systems are mixed: remove {self.folder} and join again") from fault


def bare_context(protocol: int) -> ssl.SSLContext:
    """TLS 1.3 and nothing older; knows no certificate yet and asks the other end for none."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # every connection proves the certificate anew
    return context


def certificates(data: DataDir) -> Certificates:
    return Certificates(data.path / FOLDER, data.seams.clock.now_ms())


def to_listen(data: DataDir, host: str) -> ssl.SSLContext | None:
    """The context for a port at `host`, None = plain: no certificates were made, or the port is on loopback and the system has no group.

    Raises CertificateFault. That a plain port stays on loopback is the listener's care.
    """
    found = certificates(data)
    return found.server() if found.there and (not on_loopback(host) or in_group(data)) else None


def to_dial(data: DataDir, host: str) -> ssl.SSLContext | None:
    """The context for a connection to `host`, None = plain, by the same rule as `to_listen`. Raises CertificateFault."""
    found = certificates(data)
    return found.client() if found.there and (not on_loopback(host) or in_group(data)) else None


def take_renewed(context: ssl.SSLContext, data: DataDir) -> None:
    """Show the certificate that is there now from the next connection on. Raises CertificateFault; the old one then stays in use."""
    found = certificates(data)
    found.check()
    found.load(context)


def in_group(data: DataDir) -> bool:
    """Does the system that runs here belong to a group?"""
    try:
        return bool(data.read_run().get("group"))
    except CannotConnect:
        return False


def on_loopback(host: str) -> bool:
    """Does what goes to `host` stay on this computer? "" is 127.0.0.1."""
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# -- what the other end showed, and why it did not work


def node_named(certificate: Any) -> str:
    """The node in a certificate of the system."""
    from cryptography.x509.oid import NameOID

    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def peer_node(connection: ssl.SSLObject) -> str:
    """The node named by the certificate that the other end has shown."""
    shown: dict[str, Any] = connection.getpeercert() or {}
    return next((str(value) for part in shown.get("subject", ()) for name, value in part if name == "commonName"), "")


FAULTS = {  # word of OpenSSL's reason -> what it means at this end
    "CERTIFICATE_REQUIRED": f"the other side wants a certificate of its system, and this computer shows none; {MAKE}",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the other side shows no certificate",
    "ALERT_UNKNOWN_CA": "the other side does not know the CA of this computer: it is another system",
    "ALERT_BAD_CERTIFICATE": "the other side takes the certificate of this computer for damaged",
    "ALERT_CERTIFICATE_EXPIRED": f"the other side says that the certificate of this computer has expired; {RENEW}",
    "ALERT_PROTOCOL_VERSION": "the other side does not speak TLS 1.3",
    "UNSUPPORTED_PROTOCOL": "the other side does not speak TLS 1.3",
    "WRONG_VERSION_NUMBER": "the other side does not speak TLS",
    "HTTP_REQUEST": "the other side does not speak TLS, but HTTP",
}


def explain(fault: ssl.SSLError) -> str:
    """Words for a handshake that failed, or for an alert behind it."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        words = fault.verify_message
        if "expired" in words:
            return "the certificate of the other side has expired; renew it there with `hisee cluster renew` or `hisee cluster join`"
        if "issuer" in words or "self-signed" in words:
            return "the certificate of the other side is of another CA: it belongs to another system"
        return f"the certificate of the other side is not accepted: {words}"
    reason = fault.reason or ""
    return next((words for mark, words in FAULTS.items() if mark in reason), f"TLS failed: {reason or fault}")
