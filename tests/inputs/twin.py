"""A client that submits one job under a given id four times at once, and prints what it was told as JSON."""

import json
import sys
import threading
from typing import Any

from nbqueue import options

heard: list[Any] = []
start = threading.Barrier(4)


def submit_it() -> None:
    """Submit it together with the others, and wait for its value."""
    start.wait()
    job = options(job_id=sys.argv[1]).submit(len, "abc").wait(20)
    heard.append([job.id, job.existed, job.wait(20), str(job.state().wait(5))])


sys.stdin.read(1)
threads = [threading.Thread(target=submit_it) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.stdout.write(json.dumps(heard))
