"""RQ: `fork`, its default worker, which forks for every job; `simple`, which runs jobs in its own process."""

from __future__ import annotations

import logging
import sys

import pandas as pd
from redis import Redis
from rq import Queue, Retry, SimpleWorker, Worker
from rq.job import Job

from benchmarks.peers.driving import SOCKET, main
from benchmarks.peers.rq_tasks import noop, stay

#: jobs in one pipeline
CHUNK = 500
#: seconds to wait for one result
WAIT_S = 30


class Rq:
    """Jobs by `enqueue_many`."""

    distribution = "rq"

    def __init__(self, variant: str) -> None:
        self.worker = Worker if variant == "fork" else SimpleWorker
        self.server = Redis(unix_socket_path=SOCKET)
        self.queue = Queue(connection=self.server)
        self.submitted = 0

    async def open(self) -> None:
        """Connect."""
        self.server.ping()

    async def fill(self, count: int) -> None:
        """Submit."""
        for start in range(0, count, CHUNK):
            numbers = range(start, min(start + CHUNK, count))
            self.queue.enqueue_many([Queue.prepare_data(noop, args=(number,)) for number in numbers])
        self.submitted += count

    async def left(self) -> int:
        """What is not among the finished yet."""
        return self.submitted - int(self.server.zcard(self.queue.finished_job_registry.key))

    async def once(self, number: int) -> int:
        """One job's result, by a blocking read."""
        job = self.queue.enqueue(noop, number)
        self.submitted += 1
        result = job.latest_result(timeout=WAIT_S)
        return int(result.return_value)

    async def begin(self, ledger: str) -> None:
        """Submit the job that stays; by default a job is not tried twice."""
        self.queue.enqueue(stay, ledger, retry=Retry(max=1))

    async def history(self) -> int:
        """All finished jobs there are, in a frame; its rows."""
        ids = self.queue.finished_job_registry.get_job_ids(cleanup=False)
        rows = []
        for start in range(0, len(ids), CHUNK):
            jobs = Job.fetch_many(ids[start : start + CHUNK], connection=self.server)
            rows += [
                (job.id, job.func_name, job.enqueued_at, job.started_at, job.ended_at, job.get_status(refresh=False))
                for job in jobs
                if job is not None
            ]
        return len(pd.DataFrame(rows))

    def work(self) -> None:
        """One worker."""
        logging.disable(logging.INFO)
        self.worker([self.queue], connection=self.server).work(logging_level="WARNING")


if __name__ == "__main__":
    main(Rq(sys.argv[2]))
