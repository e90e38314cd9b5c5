"""Authorities and certificates made on the spot, good ones and each kind of bad one."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = timedelta(days=1)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(0o600)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@dataclass(frozen=True)
class Issued:
    """A server's certificate chain and key, in PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of a closed network; `path` is what those who trust it are given."""

    def __init__(self, place: Path, name: str = "ca"):
        self._place = place
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.path = place / f"{name}.pem"
        now = datetime.now(UTC)
        own = (self._builder(self._name, self._key.public_key(), now - DAY, now + 9 * DAY)
               .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
               .add_extension(x509.KeyUsage(False, False, False, False, False, True, False, False,
                                            False), critical=True)
               .sign(self._key, hashes.SHA256()))
        self.path.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def issue(self, *hosts: str, days: tuple[float, float] = (-1, 9), name: str = "server"
              ) -> Issued:
        """A certificate for these hosts or addresses, valid between these days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        names = [x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit()
                 else x509.DNSName(host) for host in hosts]
        leaf = (self._builder(_name(name), key.public_key(), now + days[0] * DAY,
                              now + days[1] * DAY)
                .add_extension(x509.SubjectAlternativeName(names), critical=False)
                .sign(self._key, hashes.SHA256()))
        issued = Issued(self._place / f"{name}.crt", self._place / f"{name}.key")
        issued.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        _write_key(issued.key, key)
        return issued

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime,
                 end: datetime) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            subject_name=name, issuer_name=self._name, public_key=key,
            serial_number=x509.random_serial_number(), not_valid_before=start, not_valid_after=end)
