"""Without a server in a notebook: cards, output and the extension itself."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.kernels import displayed, lines, running_kernel, sent

JOB = """
%load_ext nbqueue
def until(path):
    import os, time, nbqueue
    print("from the job")
    nbqueue.progress(1, 2, "half")
    while not os.path.exists(path):
        time.sleep(0.01)
    nbqueue.progress(2, 2, "whole")
    return "done"
"""


def test_a_notebook_needs_no_server(home: Path, tmp_path: Path) -> None:
    """The card moves while other cells run, what they print is theirs, and the magics see the jobs."""
    with running_kernel(NBQUEUE_URL="inline:", NBQUEUE_HOME=str(home)) as kernel:
        kernel.run(JOB)
        assert len(displayed(kernel.run(f"job = await submit(until, {str(tmp_path / 'go')!r})\ndisplay(job)"))) == 2
        kernel.until(lambda item: any("half" in str(change.get("value")) for change in sent([item])))
        assert kernel.printed("print('from the cell')") == "from the cell\n"
        assert "until" in str(kernel.run("%nbqueue jobs"))
        (tmp_path / "go").touch()
        assert kernel.printed("print(await job)") == "done\n"
        assert kernel.printed("print(await job.logs(), end='')") == "from the job\n"
        end = lines(kernel.messages)[-1]
    assert end.startswith("✓ succeeded  until  2/2 (100%)")


def test_unloading_the_extension_ends_no_job(home: Path, tmp_path: Path) -> None:
    """The connections are closed; the store, the worker and its jobs are there when it is loaded again."""
    with running_kernel(NBQUEUE_URL="inline:", NBQUEUE_HOME=str(home)) as kernel:
        kernel.run(JOB)
        kernel.run(f"job = await submit(until, {str(tmp_path / 'go')!r})")
        kernel.run("%unload_ext nbqueue")
        kernel.run("%load_ext nbqueue")
        (tmp_path / "go").touch()
        assert kernel.printed("import nbqueue\nprint(await (await nbqueue.attach(job.id)))") == "done\n"
