"""Every key in the server, with its Redis type; nothing else knows their names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from nbqueue.broker.namespace_keys import NamespaceKeys


@dataclass(frozen=True, slots=True)
class Keys(NamespaceKeys):
    """The keys of one namespace. arq's own layout keeps its names, ours stand beside it under `nbq:`."""

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

    def members(self, group: str) -> str:
        """list: ids of a group's jobs, in order."""
        return f"{self.prefix}nbq:members:{group}"

    def joined(self, group: str) -> str:
        """zset: `<id submitted> <id of its stand-in>` -> place, of a group in which jobs of others stand for some."""
        return f"{self.prefix}nbq:joined:{group}"

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

    def schedule(self, name: str) -> str:
        """hash: what is known of a schedule; until it is deleted."""
        return f"{self.prefix}nbq:schedule:{name}"

    def call(self, name: str, revision: str) -> str:
        """string: the sealed call of a schedule, with its times and options; until it is replaced or deleted."""
        return f"{self.prefix}nbq:call:{name}:{revision}"
