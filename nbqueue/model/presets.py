"""What `preset=` stands for: options that fit a kind of work. What is given explicitly wins."""

from __future__ import annotations

from typing import Any, Literal

from nbqueue.model.retry import RetryPolicy

Preset = Literal["solver", "evaluation"]
PRESETS: tuple[Preset, ...] = ("solver", "evaluation")

HOUR_S = 3_600.0
DAY_S = 86_400.0

#: seconds that an evaluation may run, by priority: above normal, normal, below
EVALUATION_LIMITS_S = (600.0, 300.0, 180.0)
#: seconds from a stop to SIGKILL: a solver may need that long to look up from its numbers
SOLVER_KILL_AFTER_S = 5.0
KILL_AFTER_S = 2.0

#: a solver has three tries for what can differ: a process that died. A lost worker needs no policy, and an error of the
#: function would come again
CAN_DIFFER = RetryPolicy(max_tries=3, on=("JobCrashed",))
#: an evaluation has three for whatever it asks elsewhere and does not get
CAN_PASS = RetryPolicy(max_tries=3)


def expand(preset: Preset, priority: int) -> dict[str, Any]:
    """The options that a preset stands for, checked values as `Options` has them.

    A solver has a fresh process to itself, so each slot of a worker runs one at a time.
    """
    if preset == "solver":
        return {"retry": CAN_DIFFER, "timeout": 300.0, "grace": 5.0, "run_in": "process", "isolation": "fresh"}
    high, normal, low = EVALUATION_LIMITS_S
    limit_s = high if priority > 0 else low if priority < 0 else normal
    return {"retry": CAN_PASS, "timeout": limit_s, "keep_result": HOUR_S, "keep_error": DAY_S}


def kill_after_s(preset: str | None) -> float:
    """Seconds from the beginning of a stop until the job's processes are killed."""
    return SOLVER_KILL_AFTER_S if preset == "solver" else KILL_AFTER_S
