"""The rules for names: job ids, queues, namespaces, tags; one place, used by client and worker."""

from __future__ import annotations

import re
import secrets

from nbqueue.errors import ConfigurationError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+=-]{0,127}\Z")
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_SCHEDULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}\Z")
_NAMESPACE = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,63})?\Z")
_BEGIN = "beginning with a letter or digit"
_SHOWN = 60
_ID_BYTES = 10


def new_job_id() -> str:
    """A fresh job id: 20 hexadecimal characters (80 random bits)."""
    return new_job_ids(1)[0]


def new_job_ids(count: int) -> list[str]:
    """So many fresh job ids."""
    text = secrets.token_hex(_ID_BYTES * count)
    return [text[start : start + 2 * _ID_BYTES] for start in range(0, len(text), 2 * _ID_BYTES)]


def check_job_id(value: object) -> str:
    """The job id, or one sentence about what is wrong with it."""
    return _checked(value, _ID, "job_id", f"1 to 128 letters, digits and . _ @ + = -, {_BEGIN}")


def check_queue(value: object) -> str:
    """The queue's name, or one sentence about what is wrong with it."""
    return _checked(value, _QUEUE, "queue", f"1 to 64 letters, digits and . _ -, {_BEGIN}")


def check_namespace(value: object) -> str:
    """The namespace (empty: the default one), or one sentence about what is wrong with it."""
    return _checked(value, _NAMESPACE, "namespace", f"up to 64 letters, digits and . _ -, {_BEGIN}")


def check_schedule(value: object) -> str:
    """The schedule's name, or one sentence about what is wrong with it."""
    return _checked(value, _SCHEDULE, "name", f"1 to 50 letters, digits and . _ -, {_BEGIN}")


def check_text(value: object, what: str, limit: int = 200, *, least: int = 0) -> str:
    """A label or tag: text of at most `limit` characters, and at least `least`, without control characters."""
    if isinstance(value, str) and least <= len(value) <= limit and value.isprintable() and _encodes(value):
        return value
    length = f"{least} to {limit}" if least else f"at most {limit}"
    raise ConfigurationError(f"{what}={shown(value)} cannot be used: give printable text of {length} characters.")


def check_limit(value: object) -> int:
    """How many are wanted, from one up, or one sentence about what is wrong with it."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise ConfigurationError(f"limit={shown(value)} cannot be used: give a whole number from 1 up.")


def _checked(value: object, pattern: re.Pattern[str], what: str, rule: str) -> str:
    if isinstance(value, str) and pattern.match(value):
        return value
    raise ConfigurationError(f"{what}={shown(value)} cannot be used: give {rule}.")


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: object) -> str:
    """A value as a sentence shows it: escaped, on one line, and not long, whatever its own code does."""
    try:
        text = ascii(value).replace("\n", " ")
    except Exception:  # noqa: BLE001 - a value that cannot show itself is still told of
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
