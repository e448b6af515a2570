"""Nested event loops, only for who asks: `%nbqueue nest` and `nbqueue.allow_nested()`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, running_kernel

RUNS = """
import asyncio
async def seven():
    await asyncio.sleep(0.01)
    return 7
print(asyncio.run(seven()) + asyncio.get_event_loop().run_until_complete(seven()))
"""
#: what the legacy package leaves on asyncio when it is applied
LEGACY = "import asyncio\nasyncio._nest_patched = True"


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel with the extension."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run("%load_ext nbqueue")
        yield kernel


def test_cells_may_run_loops_when_asked_for(kernel: Kernel) -> None:
    """After %nbqueue nest, cells call asyncio.run and run_until_complete, jobs are awaited as before, twice is once."""
    said = "asyncio.run() and run_until_complete() work in cells now, until the kernel is restarted.\n"
    assert [kernel.printed("%nbqueue nest") for _ in range(2)] == [said] * 2
    assert kernel.printed(RUNS) == "14\n"
    nested = (
        "async def both():\n    job = await submit(sum, [1])\n    return await job.state()\nprint(asyncio.run(both()))"
    )
    assert kernel.printed(nested) == "queued\n"


def test_cells_behind_a_nested_wait_are_run(kernel: Kernel) -> None:
    """Cells that are queued while one waits in a nested loop run after it, as with Run All."""
    kernel.run("import asyncio, nbqueue\nnbqueue.allow_nested()")
    kernel.client.execute("asyncio.run(asyncio.sleep(0.5))\nfound = [1]")
    kernel.client.execute("found.append(2)")
    assert kernel.printed("print(found)") == "[1, 2]\n"


def test_the_legacy_package_gets_one_warning(kernel: Kernel) -> None:
    """Where nest_asyncio was applied, one line says what it breaks and what to do instead; with ipykernel 6 nothing."""
    warned = kernel.printed(LEGACY)
    assert (warned != "") == loses_cells(kernel)
    assert (kernel.printed("pass"), kernel.printed("%reload_ext nbqueue")) == ("", "")
    refused = kernel.printed("try: nbqueue.allow_nested()\nexcept nbqueue.ConfigurationError as error: print(error)")
    assert refused.startswith("nest_asyncio is applied here, and with ipykernel 7 and later it loses cells")
    assert "use %nbqueue nest instead" in refused
    assert warned in ("", f"nbqueue: {refused}")


def test_loading_into_a_kernel_with_the_legacy_package_warns(settings: Settings) -> None:
    """It is said at %load_ext too, and nothing is patched or taken back; with ipykernel 6 nothing is said."""
    with running_kernel(NBQUEUE_URL=str(settings.url)) as kernel:
        kernel.run(LEGACY)
        warned = kernel.printed("run = asyncio.run\n%load_ext nbqueue")
        assert warned.startswith("nbqueue: nest_asyncio is applied here") == loses_cells(kernel)
        assert kernel.printed("print(asyncio.run is run)") == "True\n"


def loses_cells(kernel: Kernel) -> bool:
    """Whether the kernel is of an ipykernel that loses cells by the legacy package: 7 and later."""
    return int(kernel.printed("import ipykernel\nprint(ipykernel.version_info[0])")) >= 7


UVLOOP = """
import asyncio, uvloop, nbqueue
run = asyncio.run
async def main():
    try:
        nbqueue.allow_nested()
    except nbqueue.ConfigurationError as error:
        print(error, asyncio.run is run)
uvloop.run(main())
"""


def test_uvloop_is_refused() -> None:
    """Under uvloop it says that such loops cannot be nested, and leaves asyncio as it is."""
    ran = subprocess.run([sys.executable, "-c", UVLOOP], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == (
        "Event loops of uvloop cannot be nested: run this process with asyncio's own loop, or await instead of calling "
        "asyncio.run(). True\n"
    ), ran.stderr
