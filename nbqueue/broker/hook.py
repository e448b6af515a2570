"""The hook of a job: where word is to be left when it ends, signed, so that nobody else can send workers anywhere."""

from __future__ import annotations

from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError, TamperedPayload
from nbqueue.model.webhook import Webhook, webhook

_SIGNED_PREFIX = b"nbqueue hook 1\n"
_WORDS = 4


def written(keyring: Keyring, namespace: str, url: str) -> str:
    """A hook as the server keeps it: host and port, key id, signature and URL; nothing for no URL."""
    if not url:
        return ""
    key_id, signature = keyring.sign(*_signed(namespace, url))
    return f"{webhook(url).target} {key_id} {signature} {url}"


def read(keyring: Keyring, namespace: str, text: str) -> Webhook:
    """The webhook that a key holder asked for. Raises TamperedPayload for any other."""
    words = text.split(" ")
    if len(words) != _WORDS or not keyring.verify(words[1], words[2], *_signed(namespace, words[3])):
        known = len(words) != _WORDS or words[1] in keyring.ids
        raise TamperedPayload(
            "The webhook was not asked for by a holder of our key; nothing is sent.", reason="bad signature",
            unknown_key="" if known else words[1],
        )  # fmt: skip
    try:
        return webhook(words[3])
    except ConfigurationError as error:
        raise TamperedPayload(str(error), reason="bad shape") from None


def url_of(text: str) -> str:
    """The URL as it stands there, unverified: for display only."""
    return text.rpartition(" ")[2]


def key_id_of(text: str) -> str | None:
    """The id of the key that a hook says it was signed with, unverified; None for what is none."""
    words = text.split(" ")
    return words[1] if len(words) == _WORDS else None


def _signed(namespace: str, url: str) -> tuple[bytes, ...]:
    return (_SIGNED_PREFIX, namespace.encode(), b"\n", url.encode(errors="replace"))
