"""How each state looks: glyph, word and colour, the same on every face."""

from __future__ import annotations

from dataclasses import dataclass

from nbqueue.model.states import State, WaitReason


@dataclass(frozen=True, slots=True)
class Look:
    """A state as people see it; never colour alone."""

    #: one character that no font draws as an emoji
    glyph: str
    #: the same for terminals that know only ASCII
    ascii: str
    word: str
    #: Okabe-Ito, as #RRGGBB
    colour: str


BLUE, GREEN, VERMILION, ORANGE, PURPLE, GREY = "#0072B2", "#009E73", "#D55E00", "#E69F00", "#CC79A7", "#767676"

STATES: dict[State, Look] = {
    State.SCHEDULED: Look("◔", "~", "scheduled", GREY),
    State.QUEUED: Look("○", ".", "queued", GREY),
    State.RUNNING: Look("►", ">", "running", BLUE),
    State.SUCCEEDED: Look("✓", "+", "succeeded", GREEN),
    State.FAILED: Look("✗", "x", "failed", VERMILION),
    State.CANCELLED: Look("⊘", "/", "cancelled", PURPLE),
    State.TIMED_OUT: Look("◕", "!", "timed out", VERMILION),
    State.CRASHED: Look("✸", "#", "crashed", VERMILION),
    State.EXPIRED: Look("◌", "-", "expired", PURPLE),
}
#: of jobs and of queues
PAUSED = Look("‖", "=", "paused", ORANGE)
DRAINED = Look("◌", "-", "drained", ORANGE)
REASONS: dict[WaitReason, Look] = {
    WaitReason.RETRYING: Look("↻", "@", "retrying", ORANGE),
    WaitReason.PAUSED: PAUSED,
    WaitReason.BLOCKED: Look("…", ":", "waiting", GREY),
    WaitReason.LIMITED: Look("⧗", ":", "limited", GREY),
}
CANCELLING = Look("⊘", "/", "cancelling", PURPLE)
UNKNOWN = Look("?", "?", "unknown", GREY)
HINT = Look("!", "!", "to do", ORANGE)
MIXED = Look("✗", "x", "ended", VERMILION)


def look(state: State, reason: WaitReason | None = None, *, cancel_requested: bool = False) -> Look:
    """How a job looks that is in `state`, waits for `reason` or was asked to stop."""
    if not state.is_final and cancel_requested:
        return CANCELLING
    return STATES[state] if reason is None or state.is_final else REASONS[reason]
