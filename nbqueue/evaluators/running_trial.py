"""A trial of a study while it is a job, and how that ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nbqueue.errors import JobError
from nbqueue.evaluators.trial_parcel import Report
from nbqueue.model.submitting import Handle


@dataclass(kw_only=True, eq=False)
class RunningTrial:
    """One trial under way."""

    #: optuna's
    trial: Any
    job: Handle[Report]
    #: whether the study's pruner has ended it
    is_pruned: bool = False
    #: steps whose values were seen
    steps: set[int] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """How a trial ended."""

    #: what it found; None: nothing is known of that
    report: Report | None
    #: why it came to no end of its own; None: it did, or was pruned
    error: JobError | None = None
    #: whether its process did not come back
    is_lost: bool = False
