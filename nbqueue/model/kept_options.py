"""Options that are kept in the server for jobs that are submitted later, as plain JSON."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.options import DEFAULTS, Options, check
from nbqueue.model.retry import RetryPolicy

_NAMES = tuple(field.name for field in fields(Options))
#: options of one job, with what stands in their place
OF_ONE_JOB = {
    "job_id": "each run has an id of its own, made of the schedule's name and its time",
    "at": "say it with start= of Cron or Every",
    "delay": "say it with start= of Cron or Every",
    "after": "its runs come at their times",
    "batch": "it is for submit_map",
    "unique": "each time has one run; say what becomes of runs that meet with overlap= of Cron or Every",
    "debounce": "each time has one run; say what becomes of runs that meet with overlap= of Cron or Every",
    "cache": "each run is to run; leave it out",
}


def to_plain(options: Options) -> dict[str, Any]:
    """All options that differ from their defaults. Raises ConfigurationError for what cannot be kept."""
    found: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(options, name)
        if value == getattr(DEFAULTS, name):
            continue
        if name in OF_ONE_JOB:
            raise ConfigurationError(f"{name}= cannot be used with schedule: {OF_ONE_JOB[name]}.")
        found[name] = value.to_wire() if isinstance(value, RetryPolicy) else value
    for name, value in found.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"{name}={value!r} cannot be used with schedule: it does not outlive this process. Leave it out."
            ) from None
    return found


def from_plain(found: dict[str, Any]) -> Options:
    """The options from what `to_plain` gave, checked again; those of a newer version are left out."""
    known = {name: value for name, value in found.items() if name in _NAMES}
    if "retry" in known:
        known["retry"] = RetryPolicy.from_wire(known["retry"])
    # what a preset had filled in is there already; what was given beside it must not be filled in anew
    preset = check(preset=known.pop("preset", None)).preset
    return replace(check(DEFAULTS, **known), preset=preset)
