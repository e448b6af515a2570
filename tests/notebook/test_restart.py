"""The kernel is killed while a job runs; the next one has its card again."""

from __future__ import annotations

from pathlib import Path

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, displayed, lines, running_kernel, sent
from tests.workers import running_worker

BEGIN = """
%load_ext nbqueue
def until(path):
    import os, time, nbqueue
    nbqueue.progress(1, 2, "half")
    while not os.path.exists(path):
        time.sleep(0.01)
    nbqueue.progress(2, 2, "whole")
    return "done"
"""


def test_a_card_is_back_after_the_kernel_was_killed(settings: Settings, tmp_path: Path) -> None:
    """A job outlives its kernel, and `attach(id)` in the next one shows its bar, and then its end."""
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}
    with running_worker(settings, "--slots", "1"):
        with running_kernel(**environ) as first:
            first.run(BEGIN)
            first.run(f"job = await submit(until, {str(tmp_path / 'go')!r})\njob")
            _until_told(first, "half")
            job_id = first.printed("print(job.id)").strip()
            first.kill()
        with running_kernel(**environ) as second:
            published = second.run(f"import nbqueue\njob = await nbqueue.attach({job_id!r})\njob")
            assert len(displayed(published)) == 2
            _until_told(second, "half")
            (tmp_path / "go").touch()
            assert second.printed("print(await job)") == "done\n"
            end = lines(second.messages)[-1]
    assert end.startswith("✓ succeeded  until  2/2 (100%)")


def _until_told(kernel: Kernel, message: str) -> None:
    told = [change for change in sent(kernel.messages) if message in str(change.get("value"))]
    if not told:
        kernel.until(lambda item: any(message in str(change.get("value")) for change in sent([item])))
