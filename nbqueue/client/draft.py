"""What is to be sent, not yet signed: the jobs of one call, what they have in common and what is each one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, overload

from nbqueue.broker import codec
from nbqueue.broker.envelope import seal
from nbqueue.broker.jobs import LANE_PROCESS, Batch, Origin
from nbqueue.broker.pieces import Piece, pieces_of, table_bytes
from nbqueue.broker.signing import Keyring
from nbqueue.model.errands import Form
from nbqueue.model.names import new_job_id, new_job_ids
from nbqueue.model.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What all jobs of one call have in common."""

    options: Options
    #: the function's name as people read it
    function: str
    lane: int
    #: whether it is registered on the workers under that name, and no code travels
    by_name: bool = False
    origin: Origin
    group: str = ""
    #: jobs of the group in all
    size: int = 0
    retry_of: str = ""
    #: the job that this one retried, and so on
    earlier: tuple[str, ...] = ()
    #: the job that submits it
    parent: str = ""
    #: what family of process its code wants, see `model/families.py`
    family: str = ""
    #: the span of OpenTelemetry that its jobs follow from, as `inside/tracing.py` writes it
    trace: str = ""
    #: whether large pieces of its calls are with who asked for this, and not here
    pieces_elsewhere: bool = False

    def form(self) -> Form:
        """It as a job hands it to its worker, who knows where it comes from."""
        return Form(
            options=self.options, function=self.function, lane=self.lane, by_name=self.by_name, group=self.group,
            size=self.size, retry_of=self.retry_of, earlier=self.earlier, family=self.family,
        )  # fmt: skip

    def header(self, namespace: str) -> dict[str, Any]:
        """The readable, signed part of each submission, but for the job's id."""
        options = self.options
        rest = {
            "by": "name" if self.by_name else "", "opt": options.to_wire(), "label": options.label,
            "priority": options.priority,
            "tags": list(options.tags), "group": self.group, "retry_of": self.retry_of,
            "earlier": list(self.earlier), "parent": self.parent, "family": self.family,
            "trace": self.trace,
            "user": self.origin.user, "folder": self.origin.folder, "notebook": self.origin.notebook,
        }  # fmt: skip
        return {
            "kind": "job", "ns": namespace, "id": "", "fn": self.function, "codec": "pickle",
            **codec.header_versions(), "lane": "process" if self.lane == LANE_PROCESS else "loop",
            "queue": options.queue, **{name: value for name, value in rest.items() if value},
        }  # fmt: skip

    def batch(self, sealed: Sequence[tuple[str, bytes]], own: Mapping[str, Mapping[str, Any]], hook: str = "") -> Batch:
        """Some of its jobs, ready for the server; `own`: what is not common to all of them, by id."""
        return Batch(
            options=self.options, function=self.function, lane=self.lane, by_name=self.by_name, jobs=sealed,
            origin=self.origin, group=self.group, size=self.size, retry_of=self.retry_of, parent=self.parent, own=own,
            hook=hook,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """One job as it will be sent, not yet signed."""

    job_id: str
    order: Order
    #: its call, or the arguments of it where the function is apart
    call: bytes
    #: the jobs whose results it takes, in order
    parents: tuple[str, ...] = ()
    #: sameness of function and arguments, where that matters
    digest: str = ""
    #: what all jobs of its order call, kept once
    function: bytes = b""
    #: jobs whose results are taken in the place of some of `parents`
    instead: Mapping[str, str] = field(default_factory=dict)
    #: what was cut out of function and arguments where these are apart; a whole call says so itself
    pieces: Sequence[Piece] = ()
    #: large pieces of calls, by their digests; without those that the server has
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def payload(self) -> bytes:
        """What travels: the call, but for large pieces."""
        return codec.join_call(self.function, self.call, self.pieces)

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        return len(self.function) + len(self.call) + table_bytes(self.pieces)

    @property
    def whole_size(self) -> int:
        """Bytes of the call with its large pieces."""
        return self.size + sum(each.size for each in self._lacking)

    @property
    def blobs(self) -> list[str]:
        """The digests of its large pieces."""
        return list(dict.fromkeys(each.digest for each in self._lacking))

    @property
    def _lacking(self) -> Sequence[Piece]:
        """What was cut out of it."""
        return self.pieces or pieces_of(self.call)

    @property
    def own(self) -> dict[str, Any]:
        """What the server is told of this one of an order's jobs alone."""
        taken = (self.instead.get(each, each) for each in self.parents)
        after = list(dict.fromkeys((*self.order.options.after, *taken)))
        found = {"after": after, "digest": self.digest, "blobs": self.blobs}
        return {name: value for name, value in found.items() if value}

    @property
    def waits(self) -> int:
        """Jobs and groups it waits for."""
        return len(self.order.options.after) + len(self.parents)

    def sealed(self, keyring: Keyring, header: Mapping[str, Any]) -> bytes:
        """The signed submission, with the header that its order gave."""
        own: dict[str, Any] = {"id": self.job_id}
        if self.parents:
            own["inputs"] = list(self.parents)
        if self.instead:
            own["instead"] = dict(self.instead)
        return seal(keyring, {**header, **own}, self.payload)


#: names a job or a group, of what its jobs have in common and a mark of each of their calls
Naming = Callable[[Order, Iterable[bytes]], str]


def any_name(_: Order, __: Iterable[bytes]) -> str:
    """An id that nothing else has."""
    return new_job_id()


class Own(NamedTuple):
    """What one call of many has that others have not."""

    #: the jobs whose results it takes, in order
    parents: tuple[str, ...] = ()
    #: its sameness, where that matters
    digest: str = ""
    #: what was cut out of it
    pieces: Sequence[Piece] = ()


_NOTHING = Own()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls of one function, as bytes."""

    #: the function, kept once
    function: bytes
    #: the arguments of each
    arguments: Sequence[bytes]
    #: by number, where there is any
    own: Mapping[int, Own]
    #: large pieces of them, by their digests
    contents: Mapping[str, bytes]

    @property
    def payloads(self) -> Iterator[bytes]:
        """What travels of each: two that differ in a large piece alone differ in the table of these."""
        for number, call in enumerate(self.arguments):
            yield codec.join_call(self.function, call, self.own.get(number, _NOTHING).pieces)


class Drafts(Sequence[Draft]):
    """The jobs of one order, in order. Each is put together when it is looked at: there may be very many."""

    def __init__(self, order: Order, calls: Calls, *, naming: Naming, marks: Sequence[bytes] = ()) -> None:
        #: what they have in common
        self.order = order
        self._calls = calls
        if naming is any_name:
            self._ids = new_job_ids(len(calls.arguments))
        else:
            self._ids = [naming(order, (each,)) for each in marks]

    @property
    def largest(self) -> int:
        """Bytes of the largest call, with its large pieces."""
        rest = [sum(each.size for each in own.pieces) for own in self._calls.own.values()]
        inline = len(self._calls.function) + max(map(len, self._calls.arguments), default=0)
        return inline + max(rest, default=0)

    @property
    def size(self) -> int:
        """Bytes of all that is sent: what several have in common is once."""
        sent = len(self._calls.function) * len(self) + sum(map(len, self._calls.arguments))
        return sent + sum(map(len, self._calls.contents.values()))

    def __len__(self) -> int:
        return len(self._calls.arguments)

    @overload
    def __getitem__(self, index: int) -> Draft: ...
    @overload
    def __getitem__(self, index: slice) -> list[Draft]: ...
    def __getitem__(self, index: int | slice) -> Draft | list[Draft]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        number, calls = range(len(self))[index], self._calls
        own = calls.own.get(number, _NOTHING)
        return Draft(
            self._ids[number], self.order, calls.arguments[number], own.parents, own.digest, calls.function,
            pieces=own.pieces, contents=calls.contents if own.pieces else {},
        )  # fmt: skip
