"""The worker command: where it runs jobs, and how it ends when it cannot go on."""

import subprocess
import sys
from pathlib import Path

import pytest

from nbqueue import submit
from nbqueue.model.settings import Settings
from tests.cli.commands import shell
from tests.servers import Server
from tests.workers import running_worker


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import no_such_library", "line 1: ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit(0)", "line 1: SystemExit: 0"),
        ("def broken(:", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_cannot_be_imported_ends_the_worker(server: Server, code: str, sentence: str) -> None:
    """No engine is started again: one line names module, place and error, without a traceback; the exit code is 2."""
    Path("jobs_of_mine.py").write_text(code, encoding="utf-8")
    found = shell("worker", "jobs_of_mine", "--processes", "2", "--url", server.url)
    assert (found.returncode, "Traceback" in found.stderr, "starting another" in found.stderr) == (2, False, False)
    [line] = [line for line in found.stderr.splitlines() if "The module jobs_of_mine cannot be imported: " in line]
    assert sentence in line


def test_a_worker_does_not_go_on_without_its_leases(server: Server) -> None:
    """Where they are kept no longer its jobs would run twice: it says so and ends with 1."""
    breaks = "from nbqueue.worker.leases import Leases; Leases._has_slept = None"
    command = f"{breaks}; from nbqueue.cli import main; main(['worker', '--url', '{server.url}'])"
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=30, check=False)
    assert found.returncode == 1
    assert "The leases are kept no longer; the worker ends." in found.stderr


def test_a_job_runs_where_it_was_submitted(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its relative paths mean what they mean to who submits it, wherever the worker was started."""
    with running_worker(settings):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("NBQUEUE_URL", str(settings.url))
        (tmp_path / "data.txt").write_text("here", encoding="ascii")
        assert submit(Path("data.txt").read_text).wait(10).wait(20) == "here"
