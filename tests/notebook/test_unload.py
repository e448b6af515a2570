"""%unload_ext leaves no thread, no connection and no comm behind, and what was kept works on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import WIDGET, Kernel, displayed, running_kernel
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

LEFT = """
import threading
from comm import get_comm_manager
ours = [t.name for t in threading.enumerate() if t.name.startswith(("nbqueue", "asyncio_"))]
print(sorted(ours), len(get_comm_manager().comms), sorted(
    name for names in get_ipython().events.callbacks.values() for name in map(str, names) if "nbqueue" in name))
"""
NOTHING = "[] 0 []\n"
USE = """
%load_ext nbqueue
import asyncio
job = await nbqueue.options(queue="nobody").submit(sum, [1, 2])
job
"""


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel that uses the test's server."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        yield kernel


def connections(server: Server) -> int:
    """How many connections of notebooks the server has."""
    with server.client() as client:
        found: Any = client.client_list()
        return sum(each["name"].startswith("nbqueue-client") for each in found)


def test_nothing_is_left_however_often(kernel: Kernel, server: Server) -> None:
    """After loading, a live card, a waiting task and unloading, three times, nothing of nbqueue is left."""
    for _ in range(3):
        kernel.run(USE)
        kernel.run(
            "async def waits():\n    return await job\ntask = asyncio.create_task(waits())\nawait asyncio.sleep(0.1)"
        )
        assert (kernel.printed(LEFT) != NOTHING, connections(server) > 0) == (True, True)
        kernel.run("%unload_ext nbqueue")
        assert kernel.printed(LEFT) == NOTHING
        wait_until(lambda: not connections(server))
        cut = kernel.printed("try: await task\nexcept ConnectionError as error: print(error)")
        assert cut == "nbqueue was shut down before the answer came: ask again, it connects anew.\n"


def test_reloading_leaves_one_of_each(kernel: Kernel, server: Server) -> None:
    """%reload_ext ends what ran; unloading after several leaves nothing."""
    kernel.run(USE)
    kernel.run("%reload_ext nbqueue")
    assert kernel.printed(LEFT).startswith("[] 0")
    kernel.run("%reload_ext nbqueue")
    kernel.run("assert await job.state() == 'queued'")
    kernel.run("%unload_ext nbqueue")
    assert kernel.printed(LEFT) == NOTHING
    wait_until(lambda: not connections(server))


def test_a_handle_works_on(kernel: Kernel, settings: Settings) -> None:
    """A handle that was made before is awaited after unloading: it connects anew."""
    kernel.run("%load_ext nbqueue\nimport nbqueue as mine\njob = await submit(sum, [1, 2])\nkept = job.info")
    kernel.run("%unload_ext nbqueue")
    with running_worker(settings, "--slots", "1"):
        assert kernel.printed("print(await job, (await kept()).state)") == "3 succeeded\n"


def test_a_submit_under_way_is_sent(kernel: Kernel) -> None:
    """What was submitted in the line before is not lost by unloading."""
    kernel.run("%load_ext nbqueue\nimport nbqueue as mine\npending = submit(sum, [1])\n%unload_ext nbqueue")
    assert kernel.printed("print(await pending.wait().state())") == "queued\n"


def test_a_live_card_becomes_a_picture(kernel: Kernel) -> None:
    """The card of a job that goes on stays readable, without a button that would do nothing."""
    kernel.run(USE)
    published = kernel.run("%unload_ext nbqueue")
    bundle, _ = displayed(published, "update_display_data")
    assert (WIDGET in bundle, bundle["text/plain"][:12]) == (False, "○ was queued")
