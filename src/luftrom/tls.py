"""TLS at both ends of a connection: contexts to speak it with, and each failure as a sentence.

Files in, `ssl.SSLContext` out; an error of `ssl`, of a socket or of an HTTP client in, one sentence
out that says who has to mend what. TLS 1.2 and newer, HTTP/1.1 alone by ALPN (RFC 7301); names are
checked as in RFC 9525.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from luftrom.clock import NS_PER_S, format_time
from luftrom.errors import BadInput, Forbidden
from luftrom.files import read_file

AUTHORITY_VARIABLE = "SSL_CERT_FILE"       # OpenSSL's own: authorities in place of the system's
_MEND_AUTHORITY = "name it in tls.authority of config.toml, or in SSL_CERT_FILE"

# OpenSSL, x509_vfy.h: numbers of X509_V_ERR_*; `verify_code` of an error is one of them.
_EXPIRED, _NOT_YET = 10, 9
_WRONG_HOST = (62, 64)                     # of a name, of an address
_UNKNOWN_AUTHORITY = (2, 7, 18, 19, 20, 21, 24)

# What a client tells a server whose certificate it does not take (RFC 8446, section 6.2).
_ALERTS_OF_CLIENTS = {
    "ALERT_UNKNOWN_CA": "it does not trust the authority of our certificate (unknown ca); it needs "
                        "that authority's certificate, or we need one that it trusts",
    "ALERT_CERTIFICATE_EXPIRED": "our certificate has expired, it says; renew it, or its clock is "
                                 "wrong",
    "ALERT_BAD_CERTIFICATE": "it refuses our certificate (bad certificate): most often it reached "
                             "us under a host name that the certificate does not have",
    "ALERT_CERTIFICATE_UNKNOWN": "it refuses our certificate (certificate unknown)",
    "ALERT_UNSUPPORTED_CERTIFICATE": "it does not take the kind of our certificate",
    "ALERT_CERTIFICATE_REVOKED": "it holds our certificate for revoked",
}
_NOT_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "PACKET_LENGTH",
            "UNEXPECTED_MESSAGE", "DATA_LENGTH_TOO_LONG", "BAD_RECORD_TYPE", "HTTPS_PROXY_REQUEST",
            "NOT_SSL_RECORD")
_HUNG_UP = ("ServerDisconnectedError", "SSLEOFError", "IncompleteRead", "ClientPayloadError")
_NO_HTTP = ("BadStatusLine", "ClientResponseError")
_TOO_OLD = ("UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "NO_SHARED_CIPHER", "PROTOCOL_VERSION",
            "HANDSHAKE_FAILURE", "NO_PROTOCOLS_AVAILABLE", "INSUFFICIENT_SECURITY")


# -- contexts ------------------------------------------------------------------------------------

def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What `serve` ends TLS with: a certificate chain and its key, in PEM.

    Raises NotFound or BadInput with the name of the file, Forbidden if everybody can read the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # A client cannot make the node work by asking for a new handshake on an open connection.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    _load_certificate(context, certificate, key)
    return context


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    read_file(certificate, "tls.certificate of config.toml names it")
    read_file(key, "tls.key of config.toml names it")
    if os.name == "posix" and stat.S_IMODE(key.stat().st_mode) & 0o007:
        raise Forbidden(f"everybody can read {key}; `chmod o-rwx {key}` mends it")
    try:
        context.load_cert_chain(certificate, key, password=_no_password(key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadInput(f"{key} is not the key of the certificate in {certificate}") from None
        raise BadInput(f"{certificate} and {key} must be a certificate chain and its private key, "
                       f"both in PEM: {error.reason or error}") from None


def _no_password(key: Path) -> Callable[[], str]:
    """An encrypted key must not make a server ask its terminal."""
    def refuse() -> str:
        raise BadInput(f"{key} is encrypted; a node needs it without a password")

    return refuse


def client_context(authority: Path | None = None) -> ssl.SSLContext:
    """What peers, key sets and nodes are called with.

    `authority` is a PEM file of the authorities that are trusted in place of the system's; without
    it SSL_CERT_FILE names one. Raises NotFound, or BadInput with the name of the file.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    named = authority or (Path(os.environ[AUTHORITY_VARIABLE])
                          if os.environ.get(AUTHORITY_VARIABLE) else None)
    if named is None:
        context.load_default_certs()
        return context
    where = "tls.authority of config.toml" if authority else AUTHORITY_VARIABLE
    read_file(named, f"{where} names it")
    try:
        context.load_verify_locations(named)
    except ssl.SSLError as error:
        raise BadInput(f"{named}, which {where} names, must be certificates in PEM: "
                       f"{error.reason or error}") from None
    return context


def own_context(certificate: Path) -> ssl.SSLContext:
    """What commands call the node of their own directory with: it must show this certificate.

    It is reached by an address that the certificate need not name, and its authority need not be
    known: whoever can write the file can tell these commands anything anyway.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    read_file(certificate, "tls.certificate of config.toml names it")
    try:
        context.load_verify_locations(certificate)
    except ssl.SSLError as error:
        raise BadInput(f"{certificate} must be certificates in PEM: "
                       f"{error.reason or error}") from None
    return context


def examine_certificate(certificate: Path, base_url: str, now_ns: int) -> tuple[str, str]:
    """What a server's certificate says, and what mends it if clients of `base_url` refuse it.

    The mend is "" where nothing is wrong. Raises NotFound, or BadInput with the name of the file.
    """
    from cryptography import x509  # here, since most who use TLS look at no certificate

    try:
        leaf = x509.load_pem_x509_certificates(read_file(certificate))[0]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    except ValueError as error:
        raise BadInput(f"{certificate} must be certificates in PEM: {error}") from None
    known = [*names.get_values_for_type(x509.DNSName),
             *map(str, names.get_values_for_type(x509.IPAddress))]
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    until_ns = int(leaf.not_valid_after_utc.timestamp()) * NS_PER_S
    seen = f"for {', '.join(known) or 'no host name'}, until {format_time(until_ns)}"
    if now_ns > until_ns:
        return f"expired: {seen}", "renew it; a running node takes the new file within a minute"
    if now_ns < leaf.not_valid_before_utc.timestamp() * NS_PER_S:
        return f"not valid yet: {seen}", "correct this machine's clock, or wait"
    if not any(_names(name.lower(), host.lower()) for name in known):
        return f"not for {host}, the host of base_url: {seen}", "have one issued for that host"
    if parts.scheme != "https":
        return (f"{seen}, but base_url begins with http:",
                "found the party anew with an https: base URL, or take [tls] out of config.toml")
    return seen, ""


def _names(name: str, host: str) -> bool:
    """Does a name of a certificate mean a host? `*` stands for one label, the first."""
    return name == host or (name.startswith("*.") and name[2:] == host.partition(".")[2])


# -- sentences -----------------------------------------------------------------------------------

def client_reason(error: BaseException, url: str) -> str:
    """Why there is no answer from a URL, as whoever called it says it; never empty."""
    secure = url.startswith("https:")
    for each in _causes(error):            # clients wrap errors in such as look like them
        if isinstance(each, ssl.SSLCertVerificationError) and hasattr(each, "verify_code"):
            return _refused_certificate(each, url)
        if isinstance(each, ssl.SSLError) and getattr(each, "reason", None):
            return _failed_handshake(each)
        if isinstance(each, TimeoutError):
            return "it took too long"
        if isinstance(each, ConnectionRefusedError):
            return "nobody listens there"
    said = [getattr(each, "strerror", None) or str(each) for each in _causes(error)]
    reason = next((text for text in said if text), type(error).__name__)
    if any(type(each).__name__ in _HUNG_UP or isinstance(each, ConnectionError)
           for each in _causes(error)):
        reason = "it hung up without an answer"
    elif type(error).__name__ in _NO_HTTP:
        reason = "it does not answer in HTTP"
    else:
        return reason
    return reason if secure else f"{reason}; if it speaks TLS there, the URL begins with https:"


def _refused_certificate(error: ssl.SSLCertVerificationError, url: str) -> str:
    host = url.split("//", 1)[-1].split("/", 1)[0]
    if error.verify_code == _EXPIRED:
        return "its certificate has expired; its operator must renew it, or our clock is wrong"
    if error.verify_code == _NOT_YET:
        return "its certificate is not valid yet; compare the two clocks"
    if error.verify_code in _WRONG_HOST:
        return f"its certificate is for another host than {host}"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return ("its certificate is from an authority that is not trusted here; if it should be, "
                + _MEND_AUTHORITY)
    return f"its certificate does not verify: {error.verify_message or error.reason}"


def _failed_handshake(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if any(name in reason for name in _NOT_TLS) or reason == "HTTP_REQUEST":
        return "it speaks no TLS there; the URL begins with http:, or the port is another"
    if any(name in reason for name in _TOO_OLD):
        return f"it refuses our TLS, 1.2 and newer ({_words(reason)})"
    if "EOF" in reason or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "it hung up during the TLS handshake"
    return f"TLS failed: {_words(reason) or error}"


def server_reason(error: BaseException) -> str:
    """Why a client's TLS handshake failed, as the server says it; never empty."""
    for each in _causes(error):
        if isinstance(each, TimeoutError):
            return "it did not finish the handshake in time"
        if not isinstance(each, ssl.SSLError):
            continue
        reason = each.reason or ""
        if reason == "HTTP_REQUEST":
            return "it speaks plain HTTP to a port with TLS; its URL must begin with https:"
        for name, sentence in _ALERTS_OF_CLIENTS.items():
            if name in reason:
                return sentence
        if any(name in reason for name in _TOO_OLD):
            return f"it speaks no TLS that is spoken here, 1.2 and newer ({_words(reason)})"
        if any(name in reason for name in _NOT_TLS):
            return "it speaks no TLS"
        if reason and "EOF" not in reason:
            return _words(reason)
    return ("it hung up during the handshake; if it only looked whether the port is open, that is "
            "all, else it does not take our certificate")


def is_refused_certificate(error: BaseException) -> bool:
    """Did a call fail because the server's certificate does not verify here?"""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it wraps: the first is the outermost. HTTP clients wrap in three ways."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "certificate_error", None), getattr(each, "os_error", None),
                        each.__cause__, each.__context__]


def _words(reason: str) -> str:
    """TLSV1_ALERT_PROTOCOL_VERSION: protocol version."""
    for prefix in ("TLSV1_ALERT_", "SSLV3_ALERT_", "TLSV13_ALERT_"):
        reason = reason.removeprefix(prefix)
    return reason.replace("_", " ").lower()
