"""What a model of the queue knows of a job, a group and a limit: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from nbqueue.model.states import State

#: what a waiting job waits for in time: nothing any more, or a moment that no test lives to see
DUE, LATER = "due", "later"


@dataclass(frozen=True, kw_only=True)
class Most:
    """A limit: jobs under way at once, and starts in an hour; None: any number."""

    concurrency: int | None = None
    rate: int | None = None


@dataclass(kw_only=True)
class Spec:
    """What a job was submitted with."""

    queue: str = "one"
    function: str = "f"
    lane: int = 0
    priority: int = 0
    #: None: it may start now
    wait: str | None = None
    #: whether it was to be started before now
    late: bool = False
    group: str = ""
    tags: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    on_parent: str = "fail"
    #: what its limit counts by, and the limit
    scope: str = ""
    most: Most = Most()
    needs: dict[str, int] = field(default_factory=dict)
    #: digests of large pieces of its arguments
    blobs: tuple[str, ...] = ()
    #: "unique", "debounce" or "cache", and what is the same
    once: tuple[str, str] | None = None
    force: bool = False


@dataclass(kw_only=True)
class Job:
    """A job that is known."""

    id: str
    #: its place in the order of submits
    number: int
    spec: Spec
    queue: str
    lane: int
    priority: int
    state: State
    wait: str = DUE
    retrying: bool = False
    #: the jobs and groups whose end it waits for -> how they ended, where they have
    waits_for: dict[str, State | None] = field(default_factory=dict)
    fence: int = 0
    charged: dict[str, int] = field(default_factory=lambda: {"try": 0, "loss": 0, "crash": 0})
    engine: str = ""
    cancel: bool = False
    #: what it needs that an engine lacked which left it to others
    lacked: str = ""
    #: the limits of concurrency it counts for while it runs
    holds: frozenset[str] = frozenset()
    #: those of them in whose rate its start counts
    started: frozenset[str] = frozenset()

    @property
    def waits(self) -> bool:
        """Whether it has not begun, or is to begin again."""
        return self.state in (State.QUEUED, State.SCHEDULED)

    @property
    def is_late(self) -> bool:
        """Whether it was to be started before now, and never was."""
        return self.spec.late and not self.fence

    @property
    def order(self) -> tuple[int, int]:
        """Who goes first."""
        return -self.priority, self.number


@dataclass(kw_only=True)
class Group:
    """The counts of some jobs that were submitted together."""

    total: int
    #: the state of each
    states: dict[str, State] = field(default_factory=dict)

    @property
    def end(self) -> State | None:
        """How it ended as a whole."""
        if not all(state.is_final for state in self.states.values()):
            return None
        return State.SUCCEEDED if set(self.states.values()) == {State.SUCCEEDED} else State.FAILED
