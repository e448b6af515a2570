"""A process that holds children, to be killed by tests: prints one JSON line of process ids once all are at work."""

import asyncio
import json
import sys
import time
from typing import Any

from nbqueue import inside
from nbqueue.children.pool import Children
from tests.children.listening import Heard, a_run
from tests.waiting import until


def works() -> None:
    """Start processes in and out of the own group, tell all ids, and never end."""
    import os
    import subprocess

    others = [subprocess.Popen(["sleep", "600"], start_new_session=alone).pid for alone in (False, True)]
    inside.report(pids=[os.getpid(), *others])
    time.sleep(600)


async def waits() -> None:
    """Tell the own id, and never end."""
    import os

    inside.report(pids=[os.getpid()])
    await asyncio.sleep(600)


async def main() -> None:
    """Hold two kinds of children until killed."""
    heard = Heard()
    children = Children(heard, slots=2)
    await children.start()
    runs = [a_run(works), a_run(works, isolation="fresh"), a_run(waits, run_in="async")]
    for run in runs:
        children.begin(run)
    await until(lambda: all(heard.reports[run.job_id] for run in runs))
    pids: list[Any] = [pid for run in runs for pid in heard.reports[run.job_id][-1]["metrics"]["pids"]]
    sys.stdout.write(json.dumps([children.zygote_pids[""], *pids]) + "\n")
    sys.stdout.flush()
    await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main())
