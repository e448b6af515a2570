"""Moments on the command line: ISO 8601, of this machine's zone where they have no offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nbqueue.errors import ConfigurationError
from nbqueue.model.moments import Moment, milliseconds
from nbqueue.model.names import shown

#: how a moment is written, for the help of the options that take one
FORM = "ISO 8601: 2030-01-31T08:00+01:00; without an offset this machine's zone."

#: how a moment in the past may be written too
AGO_FORM = f'"7d", "2h", "30min" back from now, or {FORM}'
_AGO = re.compile(r"\s*\d+(?:\.\d+)?\s*[a-z]+\s*\Z")


def moment(text: str, option: str) -> datetime:
    """The moment that an option's text stands for, in UTC."""
    try:
        # without an offset this takes the zone of the machine
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{option} {shown(text)} is no time: write it as ISO 8601, for example 2030-01-31T08:00+01:00; without an "
            "offset it is a time of this machine's zone."
        ) from None


def ago(text: str | None, option: str) -> Moment | None:
    """The moment in the past that an option's text stands for: "2h" as it is, or as `moment` reads it."""
    if text is None:
        return None
    try:
        if not _AGO.match(text):
            return moment(text, option)
        milliseconds(text, option, 0)
    except ConfigurationError:
        raise ConfigurationError(f"{option} {shown(text)} is no time: write {AGO_FORM}") from None
    return text
