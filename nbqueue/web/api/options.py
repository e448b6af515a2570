"""The options of a job as they come in JSON: what they look like, and how the client takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model import labels, limits, moments
from nbqueue.model.presets import PRESETS
from nbqueue.model.retry import MAX_TRIES, RetryPolicy
from nbqueue.web.problems import Problem
from nbqueue.web.shapes import JOB_ID, QUEUE, Field, Schema

_TEN_YEARS_S = 316_224_000
#: seconds, or text such as "5min"
DURATION: Schema = {"type": ["number", "string"], "minimum": 0, "maximum": _TEN_YEARS_S, "maxLength": 100}
_LABEL: Schema = {"type": "string", "maxLength": 200}
_NUMBER: Schema = {"type": "number", "minimum": 0}
_ERRORS: Schema = {"type": "array", "items": _LABEL, "maxItems": 100}
#: tries in all, or the parts of a RetryPolicy, which checks their ranges
_RETRY: Schema = {
    "type": ["integer", "object"], "minimum": 1, "maximum": MAX_TRIES, "additionalProperties": False,
    "properties": {
        "max_tries": {"type": "integer", "minimum": 1, "maximum": MAX_TRIES},
        "backoff": {"type": "string", "enum": ["exponential", "fixed"]},
        "base": _NUMBER, "factor": _NUMBER, "cap": _NUMBER, "jitter": _NUMBER, "on": _ERRORS, "never_on": _ERRORS,
    },
}  # fmt: skip

OPTIONS: Sequence[Field] = (
    Field(name="queue", schema=QUEUE, help='Which queue; "default" if not given.'),
    Field(name="priority", schema={"type": ["integer", "string"], "minimum": -99, "maximum": 99},
          help='"high", "normal", "low", or -99 to 99; more is sooner.'),
    Field(name="delay", schema=DURATION, help="How long before it may start."),
    Field(name="at", schema={"type": "string", "format": "date-time"}, help="From when it may start."),
    Field(name="expires", schema=DURATION, help="Do not start later than this after the submit."),
    Field(name="timeout", schema=DURATION, help="Running time at most."),
    Field(name="grace", schema=DURATION, help="How long before the limit the code is asked to stop."),
    Field(name="memory", schema={"type": ["integer", "string"], "minimum": 1, "maxLength": 50},
          help='What its process may use: bytes, or "2GB".'),
    Field(name="retry", schema=_RETRY, help='Tries in all, 1 to 1000, or a policy: `{"max_tries": 5, "backoff": '
          '"exponential", "base": 0.5, "factor": 2, "cap": 300, "jitter": 0.1, "on": [], "never_on": []}`, '
          "of which each part may be left out; the last two name classes of errors."),
    Field(name="job_id", schema=JOB_ID, help="Your own id; a second submit of it gives the first's job."),
    Field(name="keep_result", schema=DURATION, help="How long the result is kept."),
    Field(name="keep_error", schema=DURATION, help="The same for an error."),
    Field(name="tags", schema={"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 64},
                               "maxItems": 50}, help="Texts to find it by."),
    Field(name="label", schema=_LABEL, help="What it is called where it is shown."),
    Field(name="resources", schema={"type": "object", "additionalProperties": {"type": "number"}},
          help='What a worker must have free for it: `{"gpu": 1}`.'),
    Field(name="labels", schema={"type": "array", "items": _LABEL, "maxItems": labels.MOST},
          help='What a worker must have that is not used up: `["site=berlin"]`.'),
    Field(name="limit_key", schema={**_LABEL, "minLength": 1}, help="What rate and concurrency count by."),
    Field(name="rate", schema={"type": "string", "maxLength": 50}, help='Starts in a time: "20/min".'),
    Field(name="concurrency", schema={"type": "integer", "minimum": 1, "maximum": limits.MOST},
          help="How many run at once, 1 to 100000."),
    Field(name="unique", schema=DURATION, help="How long the same call gives the same job."),
    Field(name="debounce", schema=DURATION, help="How long another job of the same call takes this one's place."),
    Field(name="cache", schema=DURATION, help="How long the result of the same call is taken."),
    Field(name="force", schema={"type": "boolean"}, help="A new job where unique or cache would give another's."),
    Field(name="after", schema={"type": "array", "items": JOB_ID, "maxItems": 1000}, help="Ids of jobs and groups "
          "that must end first."),
    Field(name="on_parent_failure", schema={"type": "string", "enum": ["fail", "skip", "run"]},
          help="What becomes of it when one of those does not succeed."),
    Field(name="preset", schema={"type": "string", "enum": [*PRESETS]}, help="Options that fit a kind of work."),
    Field(name="on_done", schema={"type": "string", "maxLength": 2000}, help="The URL of a webhook that workers call."),
)  # fmt: skip


def taken(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the client takes them."""
    found = dict(given)
    if "at" in found:
        found["at"] = moment(found["at"], "at")
    if isinstance(found.get("retry"), dict):
        found["retry"] = RetryPolicy(**_whole(found["retry"], "max_tries"))
    return _whole(found, "retry", "concurrency", "priority", "memory")


def _whole(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """With whole numbers where JSON has them as 3.0."""
    found = dict(given)
    for name in names:
        if isinstance(found.get(name), float):
            found[name] = int(found[name])
    return found


def since(text: str, what: str) -> str | datetime:
    """A moment, or how long ago: "2h"."""
    if "T" in text:
        return moment(text, what)
    try:
        moments.milliseconds(text, what, 0)
    except ConfigurationError:
        raise Problem(
            400, f"{what}={ascii(text)[:60]} is no moment: give how long ago, such as 2h or 7d, or a moment such as "
            "2026-01-31T12:00:00Z.",
        ) from None  # fmt: skip
    return text


def moment(text: str, what: str) -> datetime:
    """A moment in the form of RFC 3339."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 - has no zone, and is refused as such
    if found.tzinfo is None:
        raise Problem(400, f"{what}={ascii(text)[:60]} is no moment: give one such as 2026-01-31T12:00:00Z.")
    return found
