"""What every test stands on: an environment of its own, a real server, and no process left behind."""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from tests import processes
from tests.keys_left import immortal
from tests.servers import Server, running_server
from tests.workers import Ledger

# a machine that has other work is slow, and no example is wrong for it
hypothesis_settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("suite")


def pytest_configure() -> None:
    """Take SIGINT even where we were started in the background with it ignored: children would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed and logged as text that can be sent: tests that run at once are reported over a pipe."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The value of NBQUEUE_HOME: an empty folder with a short path. HOME and the current folder are fresh as well."""
    root = Path(tempfile.mkdtemp(prefix="nbq-", dir="/tmp"))
    for name in [name for name in os.environ if name.startswith(("NBQUEUE_", "XDG_", "JUPYTER_", "IPYTHON"))]:
        monkeypatch.delenv(name)
    for name, folder in {"HOME": root / "home", "NBQUEUE_HOME": root / "nbq"}.items():
        folder.mkdir(mode=0o700)
        monkeypatch.setenv(name, str(folder))
    # matplotlib's cache of fonts takes seconds to build: kept from run to run
    monkeypatch.setenv("MPLCONFIGDIR", str(request.config.cache.mkdir("matplotlib")))
    (root / "work").mkdir()
    monkeypatch.chdir(root / "work")
    yield root / "nbq"
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(autouse=True, scope="module")
def _session_of_its_own() -> Iterator[None]:
    """No module goes by the server that another one configured: each starts as a fresh process does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbqueue.client.session._current", None)
        yield
    shutdown()


@pytest.fixture(autouse=True)
def _no_process_left_behind(home: Path) -> Iterator[None]:
    """Fails a test that leaves a process, and ends the process."""
    before = processes.children()
    yield
    left = processes.left_behind(before, home)
    lines = sorted(processes.describe(process) for process in left)
    processes.kill(left)
    if lines:
        pytest.fail("The test left processes behind:\n" + "\n".join(lines))


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """The one server of the whole run; tests use `server`."""
    with running_server() as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """An empty server. A test that stops it or changes its settings uses `running_server` instead.

    Fails a test that leaves a key for ever that should have had an end.
    """
    with shared_server.client() as client:
        client.flushall()
        yield shared_server
        left = immortal(client)
    if left:
        pytest.fail(f"Keys without a TTL were left behind: {left[:10]}")


@pytest.fixture
def settings(server: Server, home: Path) -> Settings:
    """Settings that point to `server`, with a signing key of the test's own."""
    return Settings(url=server.url, home=home)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """What ran, in the order in which it did; nothing so far."""
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that is not there yet: jobs that wait for it end when it is."""
    return tmp_path / "gate"
