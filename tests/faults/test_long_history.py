"""A long history is read in little time and memory, and the server answers others meanwhile."""

import json
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from nbqueue.broker.keys import Keys
from nbqueue.model.settings import Settings
from tests.faults.conftest import Measure
from tests.servers import Server

ATTEMPTS, AN_ENTRY = 50_000, 25
READ_S, PING_S, MEMORY_BYTES = 3.0, 0.05, 100_000_000
BEGIN_MS = 1_793_000_000_000

READER = """
import json, sys, time
import nbqueue

def most_bytes():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))

url, home = sys.argv[1:]
nbqueue.configure(url=url, home=home)
nbqueue.history(limit=1).wait(60)
libraries = most_bytes()
began = time.perf_counter()
rows = len(nbqueue.history().wait(60))
print(json.dumps([rows, time.perf_counter() - began, most_bytes() - libraries]))
"""


def _fill(client: Any) -> None:
    """A history as the scripts write it."""
    keys, pipe = Keys(), client.pipeline(transaction=False)
    pipe.sadd(keys.queues, "default")
    for first in range(0, ATTEMPTS, AN_ENTRY):
        lines = [
            json.dumps({"job": f"{number:020x}", "attempt": 1, "state": "succeeded", "queue": "default",
                        "function": "shop.solve", "submitted": BEGIN_MS, "due": BEGIN_MS, "started": BEGIN_MS + number,
                        "tries": 1, "payload_bytes": 512, "result_bytes": 340, "worker": "w", "host": "h", "py": "3.11",
                        "v": "0.1.0", "label": f"solve {number}"})
            for number in range(first, first + AN_ENTRY)
        ]  # fmt: skip
        pipe.xadd(keys.history("default"), {"records": "\n".join(lines)}, id=f"{BEGIN_MS + first}-1")
    pipe.execute()


@pytest.mark.slow
def test_it_is_read_in_pages(server: Server, settings: Settings, measure: Measure) -> None:
    """50,000 attempts take 100 MB beside the libraries; no command goes through all keys, and PING is answered."""
    worst, done = [0.0], threading.Event()

    def ping() -> None:
        with server.client() as client:
            while not done.wait(0.001):
                began = time.perf_counter()
                client.ping()
                worst.append(time.perf_counter() - began)

    with server.client() as client:
        _fill(client)
        client.config_resetstat()
        thread = threading.Thread(target=ping)
        thread.start()
        command = [sys.executable, "-c", READER, server.url, str(settings.home)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
        finally:
            done.set()
            thread.join()
        asked: dict[str, Any] = client.info("commandstats")
    rows, took_s, more_bytes = json.loads(ran.stdout)
    assert rows == ATTEMPTS
    assert more_bytes < MEMORY_BYTES
    assert asked.keys() & {"cmdstat_keys", "cmdstat_scan"} == set()
    measure("reading 50,000 attempts", took_s, within_s=READ_S)
    measure("the worst PING meanwhile", max(worst), within_s=PING_S)
