"""The page docs/states.md, written from the one table of states and moves."""

from collections.abc import Iterable
from pathlib import Path

from nbqueue.model.states import MOVES, State, WaitReason, mermaid

PAGE = Path(__file__).resolve().parent.parent / "docs" / "states.md"

MEANING = {
    State.SCHEDULED: "waits for its time, or for its next try",
    State.QUEUED: "is due and waits for a free worker",
    State.RUNNING: "a worker has claimed it and runs it",
    State.SUCCEEDED: "handed back a value",
    State.FAILED: "raised an error, and no try was left",
    State.CANCELLED: "was cancelled before or while it ran",
    State.TIMED_OUT: "ran into its time limit without handing back a value",
    State.CRASHED: "its process died, or its workers were lost, too often",
    State.EXPIRED: "was not started within its `expires`",
}
REASONS = {
    WaitReason.RETRYING: "an earlier try failed; the next one has its time",
    WaitReason.PAUSED: "its queue, function, group or tag is paused",
    WaitReason.BLOCKED: "it waits for other jobs to end",
    WaitReason.LIMITED: "it is over a limit, or no worker that has what it needs is free",
}


def page() -> str:
    """The whole page."""
    return f"""# The states of a job

This page is written by `make docs` from `nbqueue/model/states.py`.

```mermaid
{mermaid()}
```

## States

{_states()}

A waiting job may have a reason besides its state:

{_reasons()}

## Moves

A job changes its state in these ways and no other. Each is made inside the server by one script, so two workers
never make two different moves from the same state.

{_moves()}
"""


def _states() -> str:
    rows = ((f"`{state}`", "yes" if state.is_final else "", MEANING[state]) for state in State)
    return _table(("State", "Ended", "A job in it"), rows)


def _reasons() -> str:
    return _table(("Reason", "Meaning"), ((f"`{reason}`", REASONS[reason]) for reason in WaitReason))


def _moves() -> str:
    rows = ((_name(move.source), f"`{move.target}`", move.cause, f"`{move.script}.lua`") for move in MOVES)
    return _table(("From", "To", "When", "Script"), rows)


def _name(source: State | None) -> str:
    return f"`{source}`" if source else "(new)"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
