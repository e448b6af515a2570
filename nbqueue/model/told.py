"""What a line of the log says of a job, as facts: a program reads them where a person reads the line."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

#: the attribute of a log record that has them
ATTRIBUTE = "nbqueue_facts"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """One step in the life of a job. It has no arguments and no results: these may be secret."""

    event: Literal["enqueued", "started", "ended", "retried", "returned"]
    #: empty of a group that is submitted
    job: str = ""
    queue: str = ""
    function: str = ""
    group: str = ""
    #: its label, where that is not the function's name
    label: str = ""
    #: number of the attempt, from 1; None: there was none yet
    attempt: int | None = None
    #: seconds from when it was due until it started
    wait_s: float | None = None
    #: seconds that the attempt took
    run_s: float | None = None
    #: how it ended
    state: str = ""
    #: seconds until the next attempt
    again_in_s: float | None = None
    #: what stopped it: "cancel", "timeout", "shutdown"
    stopped_by: str = ""
    error_type: str = ""
    error: str = ""
    #: the span that belongs to it, as `inside/tracing.py` writes it
    trace: str = ""

    def extra(self) -> dict[str, Any]:
        """It as logging takes it."""
        return {ATTRIBUTE: self}

    def to_wire(self) -> dict[str, Any]:
        """What there is of it, as plain JSON; the trace by the two names that others look for."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        trace = found.pop("trace").partition(" ")[0].split("-")
        if len(trace) == 4:  # noqa: PLR2004 - version, trace, span, flags
            found |= {"trace_id": trace[1], "span_id": trace[2]}
        return {name: value for name, value in found.items() if value is not None and value != ""}
