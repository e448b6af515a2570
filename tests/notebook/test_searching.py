"""What a notebook is told before something is done to all that was found, in a real kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, running_kernel

BEGIN = """
%load_ext nbqueue
for number in range(3):
    await nbqueue.options(tags=["mine"]).submit(sum, [number])
found = await nbqueue.jobs.where(tag="mine")
"""


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel that has found three jobs that wait."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run(BEGIN)
        yield kernel


def test_a_line_says_first_how_many_are_touched(kernel: Kernel) -> None:
    """Each verb of a selection says it before it acts, in the cell that calls it; a preview says nothing by itself."""
    assert kernel.printed("found.preview('cancel');") == ""
    assert (
        kernel.printed("print(found.preview('retry'))") == "retrying none of 3 jobs of this search: 3 queued are left\n"
    )
    assert kernel.printed("await found.cancel();") == "cancelling 3 jobs of this search: 3 queued\n"
    kernel.run("found = await nbqueue.jobs.where(tag='mine')")
    assert kernel.printed("again = await found[:2].requeue('night')") == (
        'requeueing 2 jobs of this search into queue "night": 2 cancelled\n'
    )
    assert kernel.printed("await again.delete();") == "deleting 2 jobs of requeued jobs of this search: 2 queued\n"
    assert kernel.printed("again = await found.retry()") == "retrying 3 jobs of this search: 3 cancelled\n"
