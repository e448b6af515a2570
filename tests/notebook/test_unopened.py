"""What a job gave back is opened by whoever asks for it, and by no view of the job."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, running_kernel
from tests.workers import running_worker

#: to read the value makes a folder
SUBMIT = """
import nbqueue, os
%load_ext nbqueue
class Trap:
    def __init__(self, folder): self.folder = folder
    def __reduce__(self): return os.mkdir, (self.folder,)
    def _repr_html_(self): raise SystemExit
folder = os.path.abspath("sprung")
job = await nbqueue.options(label="trapped").submit(lambda folder: Trap(folder), folder)
group = await nbqueue.submit_map(lambda folder: Trap(folder), [folder])
async for event in job.events(): pass
async for event in group[0].events(): pass
"""
VIEWS = (
    "job", "group", "await job.info()", "await nbqueue.attach()", "await nbqueue.attach(job.id)",
    "await nbqueue.jobs.recent()", "await nbqueue.history()", "%nbqueue jobs", "%nbqueue history", "await job.graph()",
    "nbqueue.dashboard()", "nbqueue.Queue()",
)  # fmt: skip


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel whose jobs run."""
    with (
        running_worker(settings, "--slots", "1"),
        running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as found,
    ):
        yield found


def test_no_view_opens_a_value(kernel: Kernel) -> None:
    """Cards, tables, graphs, history and dashboard show an ended job without its value; `await job` reads it."""
    kernel.run(SUBMIT)
    for view in VIEWS:
        kernel.run(view)
        assert kernel.printed("print(os.path.exists(folder))") == "False\n", view
    kernel.run("value = await job")
    assert kernel.printed("print(value, os.path.exists(folder))") == "None True\n"
