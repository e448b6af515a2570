"""A trial on its way to the process that runs it, and back: plain values, and optuna's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: the name under which a trial's job keeps what it has found so far
SO_FAR = "trial"


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """All that a trial may ask its study for."""

    #: of the study
    study_id: int
    name: str
    directions: Sequence[Any]
    user_attrs: Mapping[str, Any]
    system_attrs: Mapping[str, Any]
    #: the trials so far, this one included: a compressed pickle
    trials: bytes
    #: which of them this one is
    number: int
    sampler: Any
    pruner: Any
    #: what the sampler has chosen for it in one go: the search space and the values; None: that it has not done yet
    relative: tuple[Any, Any]
    #: whether the sampler comes back, for the next trial: where there is one trial at a time
    returns_sampler: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a trial."""

    #: what the objective gave; None where it was pruned
    values: Any
    #: whether it was pruned
    is_pruned: bool
    #: the trial as optuna knows it there
    trial: Any
    #: of the study, as far as the trial changed them
    user_attrs: Mapping[str, Any] = field(default_factory=dict)
    system_attrs: Mapping[str, Any] = field(default_factory=dict)
    #: whether it asked the study to stop
    stops: bool = False
    #: None: it is not needed
    sampler: Any = None
