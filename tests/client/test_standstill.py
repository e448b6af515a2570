"""A client that stood still itself, as on a laptop that was closed."""

import os
import signal
import subprocess
import sys

from nbqueue.model.settings import Settings
from tests.faults.stores import last
from tests.servers import Server
from tests.source import ROOT
from tests.waiting import SLACK

#: submits a job for every line that it is given
SUBMITTING = """
import asyncio, sys
import nbqueue

async def main():
    for line in sys.stdin:
        job = asyncio.ensure_future(nbqueue.options(job_id=line.strip()).submit("nothing"))
        await asyncio.sleep(0.3)
        print("asked", flush=True)
        print((await job).id, flush=True)

asyncio.run(main())
"""


def test_a_client_that_stood_still_blames_no_server(server: Server, settings: Settings) -> None:
    """A closed laptop: what the client itself slept for is no silence of the server, and the job is submitted."""
    environment = {
        **os.environ, "NBQUEUE_URL": server.url, "NBQUEUE_HOME": str(settings.home), "NBQUEUE_CONNECT_TIMEOUT_S": "1",
        "NBQUEUE_KEY_FILE": str(settings.signing_key_file), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", SUBMITTING], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        said, heard = client.stdin, client.stdout
        assert said is not None
        assert heard is not None
        print("first", file=said, flush=True)
        assert [heard.readline(), heard.readline()] == ["asked\n", "first\n"]
        server.process.send_signal(signal.SIGSTOP)
        print("second", file=said, flush=True)
        assert heard.readline() == "asked\n"
        client.send_signal(signal.SIGSTOP)
        server.process.send_signal(signal.SIGCONT)
        last(4.5)
        client.send_signal(signal.SIGCONT)
        assert client.communicate(timeout=20 * SLACK)[0] == "second\n"
