"""Every key in the server, with its Redis type; the only place that knows their names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one namespace. arq's own layout keeps its names, ours stand beside it under `nbq:`."""

    namespace: str = ""

    @property
    def prefix(self) -> str:
        """What every key begins with: nothing, or the namespace and a colon."""
        return f"{self.namespace}:" if self.namespace else ""

    def queue(self, name: str) -> str:
        """zset: job id -> rank (ready), due time in ms (waiting) or CLAIMED_SCORE."""
        return f"{self.prefix}arq:queue:{name}"

    def submission(self, job_id: str) -> str:
        """string: the sealed submission, until the job ends; after a failure for as long as the error is kept."""
        return f"{self.prefix}arq:job:{job_id}"

    def parcel(self, job_id: str, fence: int) -> str:
        """string: a large submission (fence 0) or result, on its way to its place; for an hour."""
        return f"{self.prefix}nbq:parcel:{job_id}:{fence}"

    def blob(self, digest: str) -> str:
        """string: a large piece of the arguments of jobs; until none uses it, or an hour where none came for it."""
        return f"{self.prefix}nbq:blob:{digest}"

    def blob_users(self, digest: str) -> str:
        """hash: `count` of the jobs that use a blob, how many `failed`, and `till` when (ms) these can be retried."""
        return f"{self.prefix}nbq:blob-users:{digest}"

    def result(self, job_id: str) -> str:
        """string: the sealed result, for as long as it is kept."""
        return f"{self.prefix}arq:result:{job_id}"

    def in_progress(self, job_id: str) -> str:
        """string: exists while the job runs (for stock arq clients)."""
        return f"{self.prefix}arq:in-progress:{job_id}"

    def record(self, job_id: str) -> str:
        """hash: what is known of the job now; kept as long as the history."""
        return f"{self.prefix}nbq:job:{job_id}"

    def log(self, job_id: str) -> str:
        """list: chunks of the job's log, a ring of about a megabyte."""
        return f"{self.prefix}nbq:log:{job_id}"

    def trace(self, job_id: str) -> str:
        """string: how the job's metrics went over time, as JSON; kept as its log is."""
        return f"{self.prefix}nbq:trace:{job_id}"

    def tick(self, job_id: str) -> str:
        """string: guards a tick of arq's cron against running twice, for a minute."""
        return f"{self.prefix}nbq:tick:{job_id}"

    def checkpoint(self, job_id: str) -> str:
        """string: the last checkpoint, until the job succeeds; for a day more where it ends otherwise."""
        return f"{self.prefix}nbq:checkpoint:{job_id}"

    def wake(self, name: str) -> str:
        """list: tokens that wake an idle worker of a queue, or one engine."""
        return f"{self.prefix}nbq:wake:{name}"

    def claims(self, engine: str) -> str:
        """hash: job id -> `fence rank tries crashes losses marks length queue key` of what an engine has claimed.

        Length: of the queue's name before the key. Marks: s, a stock client's; c, it may have a checkpoint; b, blobs.
        """
        return f"{self.prefix}nbq:claims:{engine}"

    def stops(self, engine: str) -> str:
        """hash: job id -> reason, for jobs an engine is to stop."""
        return f"{self.prefix}nbq:stops:{engine}"

    def engine(self, engine: str) -> str:
        """hash: where an engine runs and what it offers."""
        return f"{self.prefix}nbq:engine:{engine}"

    def counts(self, queue: str) -> str:
        """hash: final state -> number of jobs of a queue that ended so."""
        return f"{self.prefix}nbq:counts:{queue}"

    def minutes(self, hour: int, queue: str) -> str:
        """hash: `<minute> <state>` of one hour since 1970 -> jobs of a queue that ended so; `<minute> submitted`."""
        return f"{self.prefix}nbq:minutes:{hour}:{queue}"

    def history(self, queue: str) -> str:
        """stream: attempts that ended, up to 32 an entry: `records`, one JSON object a line, and `to`, their count."""
        return f"{self.prefix}nbq:history:{queue}"

    def parked(self, queue: str, gate: str) -> str:
        """zset: job id -> rank, for jobs of a queue that are held back behind a gate.

        Gates: `blocked` (they wait for other jobs), `f:<function>`, `t:<tag>` and `g:<group>` (paused), `l:<limit>`
        (over a limit), `r:<needs>` (no worker has these resources free), `n:<what>` (left to workers that have it).
        """
        return f"{self.prefix}nbq:parked:{queue}:{gate}"

    def gates(self, queue: str) -> str:
        """zset: gate behind which jobs of a queue are held back -> ms from which it is looked at again.

        CLAIMED_SCORE: not before somebody opens it. NEEDS_SCORE: it is for resources.
        """
        return f"{self.prefix}nbq:gates:{queue}"

    def behind(self, gate: str) -> str:
        """set: the queues of which jobs are held back behind a gate."""
        return f"{self.prefix}nbq:behind:{gate}"

    def holding(self, limit: str) -> str:
        """set: ids of the jobs that count for a limit of concurrency now."""
        return f"{self.prefix}nbq:holding:{limit}"

    def starts(self, limit: str) -> str:
        """list: when jobs under a limit of rate started, in ms, the newest first; as many as the limit allows."""
        return f"{self.prefix}nbq:starts:{limit}"

    def holds(self, engine: str) -> str:
        """hash: job id -> limits it counts for, a line each, of jobs an engine has claimed; + its start counts."""
        return f"{self.prefix}nbq:holds:{engine}"

    def group(self, group: str) -> str:
        """hash: `total`, `left` (not ended), `deleted`, and state -> number of its jobs that are, or ended, in it."""
        return f"{self.prefix}nbq:group:{group}"

    def members(self, group: str, *, joined: bool = False) -> str:
        """list: ids of a group's jobs, in order; `joined`, zset: id submitted + id of its stand-in -> place."""
        return f"{self.prefix}nbq:{'joined' if joined else 'members'}:{group}"

    def children(self, parent: str) -> str:
        """set: ids of jobs that wait for the end of a job or group."""
        return f"{self.prefix}nbq:children:{parent}"

    def heirs(self, parent: str) -> str:
        """set: ids of jobs that came after a job or group, for a picture of them; kept as long as records are."""
        return f"{self.prefix}nbq:heirs:{parent}"

    def once(self, digest: str) -> str:
        """string: id of the job that stands for all of the same function and arguments."""
        return f"{self.prefix}nbq:once:{digest}"

    def owner(self, user: str, folder: str, notebook: str) -> str:
        """zset: jobs and groups of one notebook (or of one user in one folder) -> submitted ms; see owners.py."""
        digest = hashlib.sha256(f"{user}\0{folder}\0{notebook}".encode()).hexdigest()[:24]
        return f"{self.prefix}nbq:owner:{digest}"

    def word(self, word_id: str) -> str:
        """hash: how it went to leave word of a job that ended, or of an alert; kept as long as a record."""
        return f"{self.prefix}nbq:word:{word_id}"

    def live(self, job_id: str) -> str:
        """channel: progress, metrics and log lines as they come."""
        return f"{self.prefix}nbq:live:{job_id}"

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

    def schedule(self, name: str) -> str:
        """hash: what is known of a schedule; until it is deleted."""
        return f"{self.prefix}nbq:schedule:{name}"

    def call(self, name: str, revision: str) -> str:
        """string: the sealed call of a schedule, with its times and options; until it is replaced or deleted."""
        return f"{self.prefix}nbq:call:{name}:{revision}"

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
