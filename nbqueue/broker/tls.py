"""What can be wrong with TLS, in words that say what to do; and its files, looked at before they are needed."""

from __future__ import annotations

import ssl
from pathlib import Path

from nbqueue.broker.address import Address
from nbqueue.errors import ConfigurationError

#: OpenSSL's number for what is wrong with a certificate (X509_V_ERR_*), and what to do about it
_CERTIFICATES = {
    9: "it is not valid yet, so compare the clocks of both machines",
    10: "renew it on the server, or compare the clocks of both machines",
    62: "name the host in NBQUEUE_URL as the certificate does",
    64: "name the host in NBQUEUE_URL as the certificate does, which is not for this address",
}
NO_TLS = "does not speak TLS: write redis:// instead of rediss:// in NBQUEUE_URL, or name its TLS port."
_UNTRUSTED = "name its authority with ?ssl_ca_certs=<file> in NBQUEUE_URL"
#: what a server says that wants another certificate of ours, in OpenSSL's words
_OURS = ("CERTIFICATE_REQUIRED", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "ALERT_CERTIFICATE_", "HANDSHAKE_FAILURE")
#: option -> what its file holds, and how that is known
_HELD = {
    "ssl_ca_certs": ("certificate", b"CERTIFICATE-----"), "ssl_certfile": ("certificate", b"CERTIFICATE-----"),
    "ssl_keyfile": ("private key", b"PRIVATE KEY-----"),
}  # fmt: skip
_OLD = ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION")
_NONE = ("WRONG_VERSION",)


def fault(error: BaseException) -> str | None:
    """What the server did, and what to do, to go after its name; None where it is none of TLS that lasts."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why, todo = (
            (error.verify_message or "not verified").rstrip("."),
            _CERTIFICATES.get(error.verify_code, _UNTRUSTED),
        )
        return f"showed a certificate that was refused ({why}): {todo}."
    if not isinstance(error, ssl.SSLError):
        return None
    reason = str(error.reason or error)
    if any(mark in reason for mark in _NONE):
        return NO_TLS
    if any(mark in reason for mark in _OLD):
        return "speaks no TLS that is safe (1.2 or later): allow that with the server's tls-protocols."
    if any(mark in reason for mark in _OURS):
        said = reason.lower().replace("_", " ")
        return (
            f"wants another certificate of ours ({said}): name it with ssl_certfile= and ssl_keyfile= in NBQUEUE_URL."
        )
    return None


def check_files(address: Address) -> None:
    """Raise ConfigurationError for a file of certificates or keys that cannot be read."""
    files = {"ssl_ca_certs": address.ca_file, "ssl_certfile": address.cert_file, "ssl_keyfile": address.key_file}
    for option, name in files.items():
        if name is None:
            continue
        try:
            text = Path(name).read_bytes()
        except OSError:
            raise ConfigurationError(
                f"The file {name} of {option} in NBQUEUE_URL cannot be read: correct its path."
            ) from None
        what, mark = _HELD[option]
        if mark not in text:
            raise ConfigurationError(f"The file {name} of {option} in NBQUEUE_URL holds no {what} (PEM): name another.")
