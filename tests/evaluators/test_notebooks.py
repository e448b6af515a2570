"""`run_notebook`: a whole notebook as one call, here and as a job."""

import base64
import os
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import nbqueue
from nbqueue.errors import ConfigurationError, JobCancelled, JobCrashed, JobFailed, NotebookFailed
from nbqueue.evaluators import NotebookRun, run_notebook
from tests.waiting import until

SCRAP = """
from IPython.display import display
display({"application/scrapbook.scrap.json+json": {"name": "sum", "data": alpha + beta, "version": 1}}, raw=True)
"""
#: does not let itself be interrupted; says which process it is
DEAF = """
import os, pathlib, time
pathlib.Path("pid").write_text(str(os.getpid()))
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
"""


def notebook(*sources: str, parameters: str = "") -> Any:
    """A notebook of these code cells, after one that is tagged parameters."""
    cells = [new_markdown_cell("# A report"), *map(new_code_cell, sources)]
    if parameters:
        cells.insert(1, new_code_cell(parameters, metadata={"tags": ["parameters"]}))
    return new_notebook(cells=cells)


async def kernel(folder: Path) -> psutil.Process:
    """The process of the kernel, once a cell has said which one."""
    path = folder / "pid"
    return psutil.Process(int(await until(lambda: path.read_text() if path.exists() else "", 20)))


def is_gone(process: psutil.Process) -> bool:
    """Whether it has ended."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.usefixtures("connected")
async def test_a_notebook_runs_as_a_job(tmp_path: Path) -> None:
    """It gets its parameters, runs in its own folder, prints into the job's log and comes back with its outputs."""
    path = tmp_path / "report.ipynb"
    nbformat.write(
        notebook("print(f'alpha is {alpha}')", "import os\nos.getcwd()", SCRAP, parameters="alpha = 1\nbeta = 2"), path
    )
    job = await nbqueue.submit(run_notebook, path, {"alpha": 40})
    run = await job
    assert (run.status, run.done, run.total, run.error, run.cell) == ("succeeded", 5, 5, "", None)
    assert run.scraps == {"sum": 42}
    assert run.notebook.cells[4].outputs[0]["data"]["text/plain"] == repr(str(tmp_path))
    assert "alpha is 40\n" in await job.logs()
    progress = (await job.info()).progress
    assert progress is not None
    assert (progress.done, progress.total, progress.message) == (5, 5, "from IPython.display import display")
    saved = nbformat.read(run.save(tmp_path / "out.ipynb"), as_version=4)
    nbformat.validate(saved)
    assert saved == run.notebook
    assert repr(run).startswith(f"<NotebookRun {path}: succeeded after 5 of 5 cells, ")
    assert "<code>print(f&#x27;alpha is {alpha}&#x27;)</code>" in run._repr_html_()


@pytest.mark.usefixtures("connected")
async def test_a_cell_that_raises_fails_the_job_with_the_notebook_so_far(tmp_path: Path) -> None:
    """The cause of the error has the notebook, and the file of `output` is written."""
    node = notebook("6 * 7", "raise ValueError('No.')", "print('never')")
    job = await nbqueue.submit(run_notebook, node, output=tmp_path / "out.ipynb")
    with pytest.raises(JobFailed, match=r"Cell 2 raised ValueError: No\.(?!\.)") as failed:
        await job
    cause = failed.value.__cause__
    assert isinstance(cause, NotebookFailed)
    run = cause.run
    assert isinstance(run, NotebookRun)
    assert (run.status, run.cell, run.errors) == ("failed", 2, ["ValueError: No."])
    assert run.notebook.cells[1].outputs[0]["data"]["text/plain"] == "42"
    assert "ValueError" in await job.logs()
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4) == run.notebook


@pytest.mark.usefixtures("connected")
async def test_a_cancelled_notebook_leaves_no_kernel(tmp_path: Path) -> None:
    """Also where a cell does not let itself be interrupted; what ran before comes back."""
    job = await nbqueue.submit(run_notebook, notebook("6 * 7", DEAF), folder=tmp_path)
    process = await kernel(tmp_path)
    assert await job.cancel() == "cancelled"
    with pytest.raises(JobCancelled) as cancelled:
        await job
    run = cancelled.value.partial
    assert (run.status, run.done, run.cell) == ("stopped", 1, 2)
    assert run.notebook.cells[1].outputs[0]["data"]["text/plain"] == "42"
    await until(lambda: is_gone(process))


@pytest.mark.usefixtures("connected")
async def test_a_time_limit_interrupts_the_cell(tmp_path: Path) -> None:
    """The job succeeds within its grace, with the notebook so far, whether its kernel was up by then or not."""
    node = notebook("import time\ntime.sleep(600)")
    job = await nbqueue.options(timeout=4, grace=2).submit(run_notebook, node, folder=tmp_path)
    run = await job
    assert (run.status, run.total, (await job.info()).stopped_by) == ("stopped", 1, "timeout")


@pytest.mark.usefixtures("connected")
async def test_a_killed_job_leaves_no_kernel(tmp_path: Path) -> None:
    """A kernel has a session of its own, and ends all the same when the process that started it is killed."""
    policy = nbqueue.RetryPolicy(never_on=("JobCrashed",))
    job = await nbqueue.options(retry=policy).submit(run_notebook, notebook(DEAF), folder=tmp_path)
    process = await kernel(tmp_path)
    parent = process.parent()
    assert parent is not None
    parent.kill()
    with pytest.raises(JobCrashed):
        await job
    await until(lambda: is_gone(process), 10)


def test_a_cell_that_takes_too_long_or_ends_its_kernel_is_told(tmp_path: Path) -> None:
    """Both raise with the notebook so far; a plain call needs no server."""
    with pytest.raises(NotebookFailed, match="Cell 2 took longer than its limit") as failed:
        run_notebook(notebook("1", "import time\ntime.sleep(600)"), cell_timeout=1, folder=tmp_path)
    assert (failed.value.run.status, failed.value.run.done) == ("timed out", 1)
    with pytest.raises(NotebookFailed, match="Cell 2 was running when the kernel died") as failed:
        run_notebook(notebook("1", "import os\nos._exit(3)"), folder=tmp_path)
    assert (failed.value.run.status, failed.value.run.done) == ("died", 1)


def test_a_file_that_cannot_be_written_costs_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where the folder of `output` is gone at the end the run comes back all the same, and the log says so."""
    gone = tmp_path / "gone"
    gone.mkdir()
    run = run_notebook(notebook(f"import os\nos.rmdir({str(gone)!r})", "2"), output=gone / "out.ipynb", folder=tmp_path)
    assert (run.status, run.done) == ("succeeded", 2)
    assert f"The notebook could not be written to {gone / 'out.ipynb'}: " in caplog.text


def test_cells_that_are_to_be_skipped_are_not_counted(tmp_path: Path) -> None:
    """A cell that is tagged skip-execution is none of those that run."""
    node = notebook("1", "2")
    node.cells[2].metadata["tags"] = ["skip-execution"]
    run = run_notebook(node, folder=tmp_path)
    assert (run.status, run.done, run.total) == ("succeeded", 1, 1)


async def test_errors_may_be_allowed(tmp_path: Path) -> None:
    """Then the cells after them run too; in a notebook a plain call works beside the loop."""
    run = run_notebook(notebook("1 / 0", "2"), allow_errors=True, folder=tmp_path)
    assert (run.status, run.done, run.errors) == ("succeeded", 2, ["ZeroDivisionError: division by zero"])


def test_what_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Before a kernel is started."""
    node = notebook("alpha", parameters="alpha, beta = 1, 2")
    here = Path.cwd()
    (tmp_path / "text.ipynb").write_text("no notebook", encoding="utf-8")
    for given, sentence in (
        (["/nowhere.ipynb"], f"There is no notebook /nowhere.ipynb where it is to run (the folder there is {here})."),
        ([tmp_path / "text.ipynb"], f"{tmp_path}/text.ipynb is no notebook: "),
        ([3], "notebook=3 cannot be run: give the path of a file, or a notebook node."),
        ([node, {"alhpa": 1}], "The notebook has no parameter 'alhpa': its cell sets alpha, beta."),
        ([notebook("1"), {"alpha": 1}], 'The notebook has no cell that is tagged "parameters", so it takes none'),
        ([node, {"alpha": {1}}], "The parameter 'alpha' holds {1}, which cannot be written into a notebook"),
    ):  # fmt: skip
        with pytest.raises(ConfigurationError) as refused:
            run_notebook(*given)
        assert str(refused.value).startswith(sentence)
    with pytest.raises(ConfigurationError, match='There is no kernel "fortran" where the notebook is to run'):
        run_notebook(node, kernel="fortran")
    with pytest.raises(ConfigurationError, match="There is no folder /nowhere where the notebook is to run"):
        run_notebook(node, folder="/nowhere")
    nowhere, folder = tmp_path / "nowhere" / "out.ipynb", tmp_path
    with pytest.raises(ConfigurationError) as refused:
        run_notebook(node, output=nowhere)
    assert str(refused.value) == f"output='{nowhere}' cannot be written: there is no folder {nowhere.parent}."
    with pytest.raises(ConfigurationError, match="it is a folder"):
        run_notebook(node, output=folder)
    with pytest.raises(ConfigurationError, match="cell_timeout=0 is out of range"):
        run_notebook(node, cell_timeout=0)


def test_a_long_notebook_is_shortened_on_its_way() -> None:
    """The largest outputs are left out, and it says so; errors stay."""
    node = notebook("image", "1", "1 / 0")
    image = base64.b64encode(os.urandom(50_000)).decode()
    node.cells[1].outputs = [{"output_type": "display_data", "data": {"image/png": image}, "metadata": {}}]
    node.cells[2].outputs = [{"output_type": "stream", "name": "stdout", "text": "kept"}]
    node.cells[3].outputs = [{"output_type": "error", "ename": "E", "evalue": "no", "traceback": []}]
    run = NotebookRun(notebook=node, status="failed", done=3, total=3, seconds=1.0).shortened(10_000)
    assert run.notebook.cells[1].outputs[0]["text"].endswith("bytes of output are left out)\n")
    assert (run.notebook.cells[2].outputs[0]["text"], run.errors) == ("kept", ["E: no"])
    nbformat.validate(run.notebook)
    assert node.cells[1].outputs[0]["data"]["image/png"] == image


def test_a_notebook_shows_how_far_a_study_is() -> None:
    """A line below the cell of `optimize` changes as trials end."""
    code = """
import optuna
from nbqueue.evaluators import optimize
from nbqueue.testing import inline_session
study = optuna.create_study(study_name="shown", sampler=optuna.samplers.RandomSampler(seed=1))
with inline_session(slots=2):
    await optimize(study, lambda trial: trial.suggest_int("x", 5, 5), 3);
"""
    run = run_notebook(notebook(code))
    shown = [each["data"] for each in run.notebook.cells[1].outputs if each["output_type"] == "display_data"]
    words = "shown: 3 of 3 trials, best 5"
    assert shown == [{"text/plain": words, "text/html": f'<progress value="3" max="3"></progress> {words}'}]
