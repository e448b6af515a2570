"""What a worker is told at its start: which queues, how many jobs at once, which functions."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nbqueue.broker.connection import Address
from nbqueue.errors import ConfigurationError
from nbqueue.inside.outside import processors
from nbqueue.model import labels, names, resources, serving
from nbqueue.model.log_lines import LogFormat
from nbqueue.model.scaling import Span
from nbqueue.model.webhook import HostRules
from nbqueue.worker.room import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """One worker: a supervisor and its engines."""

    address: Address
    namespace: str = ""
    #: file of the signing keys
    key_file: str = ""
    #: folder for what cannot be written to the server for long; empty: the temporary folder
    spill_dir: str = ""
    #: queues to serve; each gets its share of the slots, or, if `strict`, those before it what they can use
    queues: tuple[str, ...] = ("default",)
    #: queue -> weight of its share, where that is not 1
    weights: dict[str, int] = field(default_factory=dict)
    strict: bool = False
    #: queue -> its jobs at once in the whole worker, where that is limited
    queue_concurrency: dict[str, int] = field(default_factory=dict)
    #: what jobs may need of it, by name; the first engine offers it all
    resources: dict[str, float] = field(default_factory=dict)
    #: what jobs may ask of it that is not used up, such as "gpu" or "site=berlin"; all engines have them
    labels: tuple[str, ...] = ()
    #: child processes at once in each engine
    slots: int = field(default_factory=processors)
    #: coroutines at once in each engine
    concurrency: int = 200
    #: the least and the most processes that claim jobs
    span: Span = Span(1, 1)  # noqa: RUF009 - it never changes
    #: an engine that has begun so many jobs is replaced; 0: none is
    max_jobs: int = 0
    #: and one whose processes hold more bytes together; 0: none is
    memory_bytes: int = 0
    #: replace engines when Python files of the folder change
    reload: bool = False
    #: "host:port" that tells over HTTP how it is; empty: none
    health: str = ""
    #: modules whose @task functions are registered, or one "module:Settings" of arq
    modules: tuple[str, ...] = ()
    #: run only those functions, with plain data as arguments: no code travels to this worker
    only_registered: bool = False
    #: end when there is nothing left to do
    burst: bool = False
    #: seconds that running jobs get to finish after the first SIGTERM
    drain_timeout_s: float = 30.0
    #: seconds without a sign of life after which an engine is replaced
    stall_s: float = 10.0
    #: results over this many bytes fail their job
    limit_bytes: int = 100_000_000
    #: pieces of what jobs submit, from this size on, are stored once for all jobs that have them; 0: none is
    blob_bytes: int = 0
    #: hosts that word may be left at; none: nowhere
    webhook_hosts: tuple[str, ...] = ()
    #: whether these may be on private networks or this machine
    webhook_private: bool = False
    #: how often word is sent, and seconds before the second time
    webhook_tries: int = 8
    webhook_backoff_s: float = 5.0
    #: how its log is written: lines for people, or JSON
    log_format: LogFormat = "text"
    #: jobs a second whose steps each engine logs one by one; the others are counted. 0: none are logged
    log_rate: int = 100
    #: whether somebody beside it archives the history: then it forgets nothing of it itself
    is_archived: bool = False

    def __post_init__(self) -> None:
        """Refuse names that no queue can have, and numbers for queues that are not served."""
        names.check_namespace(self.namespace)
        for queue in self.queues:
            names.check_queue(queue)
        HostRules.of(self.webhook_hosts)
        resources.check(self.resources)
        labels.check(self.labels)
        serving.check_served((*self.weights, *self.queue_concurrency), self.queues)
        if not all(number >= 1 for number in (*self.weights.values(), *self.queue_concurrency.values())):
            raise ConfigurationError("Weights of queues and their jobs at once are whole numbers from 1.")

    def share(self, queue: str) -> Share:
        """What a queue may have of an engine's slots."""
        return Share(self.weights.get(queue, 1), self.queue_concurrency.get(queue))

    @property
    def offers(self) -> dict[str, float]:
        """Resources and labels, as the server has them."""
        return labels.offered(self.resources, self.labels)

    def without_idle(self) -> WorkerConfig:
        """The same without the engines that no queue is left for: all have limits, which others deal out."""
        if set(self.queues) - set(self.queue_concurrency):
            return self
        most = max(self.queue_concurrency.values(), default=1)
        least = min(self.span.least, most)
        # those that come and go have no part in limits
        return replace(self, span=Span(least, least))

    def of_engine(self, number: int) -> WorkerConfig:
        """What one of the engines is told.

        Limits of the worker are dealt out among those that are always there; the first one offers the resources.
        """
        always = self.span.least
        limits = {
            queue: limit // always + (number < limit % always) if number < always else 0
            for queue, limit in self.queue_concurrency.items()
        }
        queues = tuple(queue for queue in self.queues if limits.get(queue, 1) > 0)
        return replace(
            self, queues=queues, resources=self.resources if number == 0 else {},
            weights={queue: weight for queue, weight in self.weights.items() if queue in queues},
            queue_concurrency={queue: limit for queue, limit in limits.items() if queue in queues},
        )  # fmt: skip

    @property
    def may_overlap(self) -> bool:
        """Whether an engine may begin before the one whose place it takes has ended: it has no limits to pass."""
        return not (self.resources or self.queue_concurrency or self.burst)

    @property
    def cpus(self) -> int:
        """The processors of each slot: its share of those that this machine, or this container, has for us."""
        return max(1, processors() // (self.slots * self.span.most))

    @property
    def stock(self) -> str:
        """The "module:Settings" of arq to run, if that is what this worker does."""
        return next((module for module in self.modules if ":" in module), "")

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON, for the engine's first message; holds the password, so never for a log."""
        return asdict(self)

    @classmethod
    def from_wire(cls, found: dict[str, Any]) -> WorkerConfig:
        """From what `to_wire` gave."""
        lists = {name: tuple(found[name]) for name in ("queues", "labels", "modules", "webhook_hosts")}
        where = found["address"]
        sentinels = tuple((host, port) for host, port in where["sentinels"])
        return cls(
            **{**found, **lists, "span": Span(*found["span"]), "address": Address(**{**where, "sentinels": sentinels})}
        )
