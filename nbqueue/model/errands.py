"""What code in a job asks of the worker that runs it: the words of it, and who carries and does what is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from nbqueue.model.families import known
from nbqueue.model.names import check_job_id, check_text
from nbqueue.model.options import DEFAULTS, Options, check
from nbqueue.model.retry import RetryPolicy

if TYPE_CHECKING:
    # a third of what `import nbqueue` takes, and of what a shell waits for
    from asyncio import AbstractEventLoop

#: jobs of one errand at most
MOST_JOBS = 1_000
#: jobs of one group at most
MOST_SIZE = 2**31
#: the highest priority
MOST_PRIORITY = 99
#: characters of a function's name
_NAME = 200
#: characters of a traceparent, a space and a tracestate
_TRACE = 55 + 1 + 512
#: jobs of a chain of retries that a new one may start from
MOST_EARLIER = 20

#: a job that has ended (its id, and the number of its last claim, or -1 where that is not known)
Due = tuple[str, int]
#: an answer: what it says as plain JSON, and bytes
Answer = tuple[Any, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What jobs that are submitted inside of a job have in common."""

    options: Options
    #: the function's name as people read it
    function: str
    #: 0 event loop, 1 process
    lane: int
    #: whether it is registered on the workers under that name, and no code travels
    by_name: bool = False
    group: str = ""
    #: jobs of the group in all
    size: int = 0
    retry_of: str = ""
    #: the job that this one retried, and so on
    earlier: tuple[str, ...] = ()
    #: what family of process their code wants
    family: str = ""
    #: the span that they follow from, as `inside/tracing.py` writes it; no part of what names them
    trace: str = ""

    def after(self, priority: int) -> Form:
        """The same, to be done sooner than what else has this priority: it is awaited by what has begun already."""
        return replace(self, options=replace(self.options, priority=min(priority + 1, MOST_PRIORITY)))

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON; options that were not given are left out."""
        return {
            "function": self.function, "lane": self.lane, "by_name": self.by_name, "group": self.group,
            "size": self.size, "retry_of": self.retry_of, "earlier": list(self.earlier),
            "options": _plain(self.options), **({"family": self.family} if self.family else {}),
        }  # fmt: skip

    @classmethod
    def from_wire(cls, found: Mapping[str, Any]) -> Form:
        """From what `to_wire` gave, each field checked; raises ValueError, TypeError or KeyError where one is wrong."""
        if set(found) - {"family", "trace"} != {
            "function",
            "lane",
            "by_name",
            "group",
            "size",
            "retry_of",
            "earlier",
            "options",
        }:
            raise ValueError("a form has other fields than a form")
        if found["lane"] not in (0, 1) or type(found["lane"]) is not int or type(found["by_name"]) is not bool:
            raise ValueError("a form names no lane, or no kind of function")
        if type(found["size"]) is not int or not 0 <= found["size"] <= MOST_SIZE:
            raise ValueError("a form names no size of its group")
        if not isinstance(found["earlier"], list) or len(found["earlier"]) > MOST_EARLIER:
            raise ValueError("a form lists no earlier jobs, or too many")
        return cls(
            options=_options(found["options"]),
            function=check_text(found["function"], "function", _NAME),
            lane=found["lane"],
            by_name=found["by_name"],
            group=_id(found["group"]),
            size=found["size"],
            retry_of=_id(found["retry_of"]),
            earlier=tuple(check_job_id(each) for each in found["earlier"]),
            family=known(found.get("family", "")),
            trace=str(found.get("trace", ""))[:_TRACE],
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One job that is submitted inside of a job."""

    job_id: str
    payload: bytes
    #: the jobs whose results it takes, in order
    takes: tuple[str, ...] = ()
    #: sameness of function and arguments, where that matters
    digest: str = ""
    #: jobs whose results it takes in the place of some of those
    instead: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The job that submits jobs: they are found by whoever finds it."""

    job_id: str
    user: str = ""
    folder: str = ""
    notebook: str = ""


class Line(Protocol):
    """The line of one job to the worker that runs it, as the client sees it."""

    #: the job whose code this is
    job_id: str
    #: what the ids of its jobs are made from: the same in each run of one try
    seed: str
    #: the largest call that may be sent
    limit_bytes: int
    #: pieces of calls from this size on are sent apart; 0: none is
    blob_bytes: int
    #: whether results may be plain data only
    plain: bool
    #: the loop in which the client's part runs; None: in a thread of its own
    loop: AbstractEventLoop | None
    #: takes what comes back, in any thread; set by the client
    hear: Callable[[Mapping[str, Any], bytes], None] | None
    #: what the client keeps for this job
    session: Any

    def send(self, fields: dict[str, Any], payload: bytes = b"") -> None:
        """Send a question; never waits for its answer."""

    def may_block(self) -> bool:
        """Whether the calling thread may wait: not where it turns a loop that others need."""

    def moved(self, done: int, total: int) -> None:
        """Show how many of its jobs have ended as the job's own progress, unless it reports that itself."""


class Clerk(Protocol):
    """Does in the server, with the key, what a job may ask for. Called on the engine's loop."""

    async def submit(self, form: Form, parent: Parent, items: Sequence[Item]) -> list[str]:
        """Sign and submit; per job its state, or "exists", up to the first of which large pieces are missing."""

    async def missing(self, digests: Sequence[str]) -> list[str]:
        """Those of large pieces of calls that are not in the server; the others stay for a while."""

    async def send_piece(self, data: bytes) -> None:
        """Send such a piece, for a submit that comes after it."""

    async def cancel(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel; per job "unknown", "removed" (it waited), "asked" (it runs) or the final state it had."""

    async def withdraw(self, job_ids: Sequence[str]) -> list[str]:
        """Cancel what has not begun; per job as `cancel`, and "running" where it runs and goes on."""

    async def records(self, job_ids: Sequence[str]) -> list[dict[str, Any] | None]:
        """What is known of each job."""

    async def states(self, job_ids: Sequence[str]) -> list[str | None]:
        """The state of each job."""

    async def call_of(self, job_id: str) -> Answer | None:
        """The call of a job as it was submitted, verified, where it is still kept: header and payload."""

    async def checkpoint_of(self, job_id: str) -> bytes | None:
        """What the job's code kept last, verified, as its process sent it; None where nothing is there."""

    async def ends(self, due: Sequence[Due]) -> tuple[list[dict[str, Any]], list[bytes]]:
        """The verified ends of the first of these jobs, as many as fit into one answer, and their payloads."""

    def follow(self, job_ids: Sequence[str], told: Callable[[str, int], None]) -> Callable[[], None]:
        """Call `told(job id, claim)` once for each job when it has ended, or -1 where the server does not know it.

        Gives what ends the following.
        """

    async def close(self) -> None:
        """Close its connections."""


class Clerks(Protocol):
    """Gives clerks."""

    def load(self) -> None:
        """Import what clerks need, which takes a while; in any thread."""

    def make(self, address: Any, keyring: Any, namespace: str) -> Clerk:
        """A clerk for a server, with a key; made on the engine's loop."""
        ...


#: set once at the top of the package
clerks: Clerks | None = None


def use_clerks(found: Clerks) -> None:
    """Have errands done by these clerks."""
    global clerks  # noqa: PLW0603 - the one place where it is set
    clerks = found


def _id(value: object) -> str:
    return "" if value == "" else check_job_id(value)


def _plain(options: Options) -> dict[str, Any]:
    """The options that differ from the defaults (or from those of a preset), but for the job's id, as plain JSON."""
    usual = check(preset=options.preset, priority=options.priority) if options.preset else DEFAULTS
    found: dict[str, Any] = {}
    for name in (each.name for each in fields(options)):
        value = getattr(options, name)
        named = name in ("preset", "priority") and value != getattr(DEFAULTS, name)
        if name == "job_id" or (value == getattr(usual, name) and not named):
            continue
        if isinstance(value, RetryPolicy):
            value = value.to_wire()
        elif isinstance(value, datetime):
            value = value.isoformat()
        found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _options(found: Any) -> Options:
    if not isinstance(found, dict) or "job_id" in found:
        raise ValueError("a form's options are none")
    given = dict(found)
    if "retry" in given:
        given["retry"] = RetryPolicy.from_wire(given["retry"])
    if "at" in given:
        given["at"] = datetime.fromisoformat(given["at"])
    return check(**given)
