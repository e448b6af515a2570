"""The states of a job and the moves between them: one table that scripts, docs and tests share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a job stands. Values are what the server stores."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Whether a job in this state has ended for good."""
        return self in FINAL


class WaitReason(StrEnum):
    """Why a scheduled or queued job is waiting, where there is more to say than its state."""

    RETRYING = "retrying"
    PAUSED = "paused"
    BLOCKED = "blocked"
    LIMITED = "limited"


LIVE = frozenset({State.SCHEDULED, State.QUEUED, State.RUNNING})
FINAL = frozenset(State) - LIVE
#: ends of a run that went wrong, in the order in which they are told
FAILURES = (State.FAILED, State.TIMED_OUT, State.CRASHED)
#: ends that nobody asked for
UNWANTED = (*FAILURES, State.EXPIRED)


@dataclass(frozen=True, slots=True)
class Move:
    """One allowed change of state."""

    #: the state before; None where the job did not exist
    source: State | None
    target: State
    #: the script that makes it: the name of a file in broker/lua
    script: str
    #: what makes it happen, in the reader's words
    cause: str


MOVES: tuple[Move, ...] = (
    Move(None, State.QUEUED, "submit", "submitted, due now"),
    Move(None, State.SCHEDULED, "submit", "submitted with a delay"),
    Move(State.SCHEDULED, State.QUEUED, "claim", "due"),
    Move(State.QUEUED, State.RUNNING, "claim", "claimed by an engine"),
    Move(State.SCHEDULED, State.EXPIRED, "claim", "not started in time"),
    Move(State.QUEUED, State.EXPIRED, "claim", "not started in time"),
    Move(State.SCHEDULED, State.EXPIRED, "expire", "not started in time"),
    Move(State.QUEUED, State.EXPIRED, "expire", "not started in time"),
    Move(State.RUNNING, State.SUCCEEDED, "finish", "handed back a value"),
    Move(State.RUNNING, State.FAILED, "finish", "raised an error"),
    Move(State.RUNNING, State.CANCELLED, "finish", "stopped after a cancel"),
    Move(State.RUNNING, State.TIMED_OUT, "finish", "ran into its time limit"),
    Move(State.RUNNING, State.CRASHED, "finish", "its process died too often"),
    Move(State.RUNNING, State.SCHEDULED, "finish", "will be tried again later"),
    Move(State.RUNNING, State.QUEUED, "finish", "given back, or tried again at once"),
    Move(State.RUNNING, State.QUEUED, "reap", "its worker was lost"),
    Move(State.RUNNING, State.CRASHED, "reap", "its workers were lost three times"),
    Move(State.RUNNING, State.CANCELLED, "reap", "its worker was lost after a cancel"),
    Move(State.SCHEDULED, State.CANCELLED, "submit", "replaced by a later one (debounce)"),
    Move(State.QUEUED, State.FAILED, "settle", "a job it waited for did not succeed"),
    Move(State.SCHEDULED, State.FAILED, "settle", "a job it waited for did not succeed"),
    Move(State.QUEUED, State.CANCELLED, "settle", "a job it waited for did not succeed (skip)"),
    Move(State.SCHEDULED, State.CANCELLED, "settle", "a job it waited for did not succeed (skip)"),
    Move(State.SCHEDULED, State.CANCELLED, "cancel", "cancelled before it started"),
    Move(State.SCHEDULED, State.CANCELLED, "remove", "deleted before it started"),
    Move(State.QUEUED, State.CANCELLED, "remove", "deleted before it started"),
    Move(State.QUEUED, State.CANCELLED, "cancel", "cancelled before it started"),
    Move(State.SCHEDULED, State.QUEUED, "change", "made due now"),
    Move(State.QUEUED, State.SCHEDULED, "change", "put off"),
)


def allowed(source: State | None, target: State) -> bool:
    """Whether a job may go from `source` to `target` in one move."""
    return any(move.source == source and move.target == target for move in MOVES)


def mermaid() -> str:
    """The state machine as a Mermaid diagram, one arrow a move."""
    lines = ["stateDiagram-v2"]
    for move in MOVES:
        source = move.source.value if move.source else "[*]"
        lines.append(f"    {source} --> {move.target.value}: {move.cause} ({move.script})")
    lines += [f"    {state.value} --> [*]" for state in State if state.is_final]
    return "\n".join(lines)
