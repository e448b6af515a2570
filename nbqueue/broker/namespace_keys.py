"""The keys in the server that a namespace has one of, each with its Redis type."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamespaceKeys:
    """The keys of a namespace that are named after nothing else."""

    namespace: str = ""

    @property
    def prefix(self) -> str:
        """What every key begins with: nothing, or the namespace and a colon."""
        return f"{self.namespace}:" if self.namespace else ""

    @property
    def aborts(self) -> str:
        """zset: job id -> ms when a stock arq client asked to abort it."""
        return f"{self.prefix}arq:abort"

    @property
    def sequence(self) -> str:
        """string: counts submissions, so that equals start in the order they came."""
        return f"{self.prefix}nbq:sequence"

    @property
    def queues(self) -> str:
        """set: names of the queues that were ever submitted to."""
        return f"{self.prefix}nbq:queues"

    @property
    def paused(self) -> str:
        """set: names of paused queues."""
        return f"{self.prefix}nbq:paused"

    @property
    def closed(self) -> str:
        """set: names of queues that take no more jobs."""
        return f"{self.prefix}nbq:closed"

    @property
    def pauses(self) -> str:
        """set: gates that are closed by hand: `f:<function>`, `t:<tag>`, `g:<group>`."""
        return f"{self.prefix}nbq:pauses"

    @property
    def limits(self) -> str:
        """hash: `q:<queue>`, `f:<function>` or `k:<key>` -> JSON of the limit that was set for it."""
        return f"{self.prefix}nbq:limits"

    @property
    def terms(self) -> str:
        """hash: name of a registered function -> JSON of its limits and needs; until no worker has said so for long."""
        return f"{self.prefix}nbq:terms"

    @property
    def parents(self) -> str:
        """set: ids of jobs and groups whose end others wait for."""
        return f"{self.prefix}nbq:parents"

    @property
    def settling(self) -> str:
        """list: `id state` of jobs and groups that ended, and of which those who wait are not told yet."""
        return f"{self.prefix}nbq:settling"

    @property
    def events(self) -> str:
        """stream, the last EVENTS entries: `jobs`, a line `id state fence` a job; of one that ended maybe `result`."""
        return f"{self.prefix}nbq:events"

    @property
    def histories(self) -> str:
        """hash: `total`, `at` (ms of the newest entry), and `q:<queue>`: attempts that came to its history."""
        return f"{self.prefix}nbq:histories"

    @property
    def retention(self) -> str:
        """hash: queue -> `ms attempts`, how long its history is kept at most, and how many attempts."""
        return f"{self.prefix}nbq:retention"

    @property
    def pruner(self) -> str:
        """string: the engine that forgets what is beyond the retention now; for some seconds."""
        return f"{self.prefix}nbq:pruner"

    @property
    def archive(self) -> str:
        """string: where the history is archived, since when and when last (JSON); nobody else forgets any of it."""
        return f"{self.prefix}nbq:archive"

    @property
    def schedules(self) -> str:
        """zset: schedule -> ms when a worker is to look at it; without those that are paused or have ended."""
        return f"{self.prefix}nbq:schedules"

    @property
    def schedule_names(self) -> str:
        """set: names of all schedules."""
        return f"{self.prefix}nbq:schedule-names"

    @property
    def expiring(self) -> str:
        """zset: job id -> when it expires in ms, of jobs that must start in time; whose time has come leave it."""
        return f"{self.prefix}nbq:expiring"

    @property
    def leases(self) -> str:
        """zset: engine -> end of its lease in ms."""
        return f"{self.prefix}nbq:leases"

    @property
    def mark(self) -> str:
        """string: signed by the key of those who meet here; kept for 30 days after the last one came."""
        return f"{self.prefix}nbq:mark"

    @property
    def given_up(self) -> str:
        """set: ids of signing keys that were removed, for whose holders nothing waits; kept as long as the mark."""
        return f"{self.prefix}nbq:given-up"

    @property
    def epoch(self) -> str:
        """string: random, set once; a change means that the store was emptied."""
        return f"{self.prefix}nbq:epoch"

    @property
    def hooks(self) -> str:
        """zset: id of a job that ended, or of an alert's message -> ms from which word of it is to be left."""
        return f"{self.prefix}nbq:hooks"

    @property
    def unheard(self) -> str:
        """zset: the same ids -> ms when they were given up."""
        return f"{self.prefix}nbq:unheard"

    @property
    def tallies(self) -> str:
        """hash: JSON `[measure, queue, function, part]` -> whole number, and `to`: the entry it was counted up to."""
        return f"{self.prefix}nbq:tallies"

    @property
    def alerts(self) -> str:
        """hash: id of an alert -> what it is, as JSON."""
        return f"{self.prefix}nbq:alerts"

    @property
    def alarms(self) -> str:
        """hash: id of an alert -> what it remembers of its queue, as JSON."""
        return f"{self.prefix}nbq:alarms"

    @property
    def lookout(self) -> str:
        """string: the engine that looks at the alerts now; for some seconds."""
        return f"{self.prefix}nbq:lookout"
