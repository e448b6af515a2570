"""nbqueue.notify: a line and the browser's notification in a notebook, the bell in a terminal."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from nbqueue.notebook.notify import bundle
from tests.notebook.kernels import displayed, running_kernel
from tests.workers import running_worker

SCRIPT = """
import sys, nbqueue
job = nbqueue.options(on_done=nbqueue.notify.after(float(sys.argv[1])), label="the plan").submit(sum, [1, 2]).wait()
group = nbqueue.submit_map(abs, [1, 2]).wait()
job.wait(20)
group.wait(20)
group.on_done(nbqueue.notify)
"""


@pytest.fixture
def environ(settings: Settings) -> Iterator[dict[str, str]]:
    """What points a process to a server with a worker."""
    with running_worker(settings, "--slots", "1"):
        yield {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}


def test_what_a_notebook_shows_is_harmless() -> None:
    """No text of a job ends the script or becomes markup, and a page opened later does not notify again."""
    found = bundle("</script><b>x</b>: & 'failed'", "id", now_ms=7)
    assert found["text/plain"] == "</script><b>x</b>: & 'failed'"
    assert found["text/html"].count("</script>") == 1
    assert "<b>" not in found["text/html"]
    assert "&lt;b&gt;x&lt;/b&gt;: &amp; &#x27;failed&#x27;</small>" in found["text/html"]
    assert '"at": 7}' in found["text/html"]
    assert "Date.now() - word.at > 60000" in found["text/html"]


def test_a_notebook_is_told(environ: dict[str, str]) -> None:
    """Below a cell there is a line about the job, and the script that asks the browser."""
    with running_kernel(**environ) as kernel:
        kernel.run("import nbqueue")
        code = "nbqueue.options(on_done=nbqueue.notify.after(0), label='the plan').submit(lambda: 1 / 0).wait().id"
        # the job may end while the cell still runs
        published = displayed(kernel.run(code))
        [shown] = published or displayed([kernel.until(lambda found: bool(displayed([found])), 20)])
    assert shown["text/plain"].startswith("the plan: failed after ")
    assert shown["text/plain"].endswith(" (division by zero)")
    assert "new Notification(word.title" in shown["text/html"]


@pytest.mark.parametrize(("after_s", "lines"), [("0", 2), ("60", 1)])
def test_a_script_is_told(environ: dict[str, str], after_s: str, lines: int) -> None:
    """A line on stderr, without the bell where no terminal is; nothing of a job that ran for a short while only."""
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, after_s], env={**os.environ, **environ}, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    said = sorted(line for line in ran.stderr.splitlines() if line.startswith("nbqueue: "))
    assert len(said) == lines
    assert said[0] == "nbqueue: abs: 2 succeeded"
    assert all(line.startswith("nbqueue: the plan: succeeded after ") for line in said[1:])
    assert "\a" not in ran.stderr


def test_a_threshold_of_ones_own() -> None:
    """`notify.after(s)` is another notifier; a threshold that is no duration is refused."""
    assert (repr(nbqueue.notify), repr(nbqueue.notify.after(60))) == (
        "nbqueue.notify.after(10)",
        "nbqueue.notify.after(60)",
    )
    with pytest.raises(nbqueue.ConfigurationError, match="is out of range"):
        nbqueue.notify.after(-1)
