"""What differs between versions of ipykernel, with the installed one and the oldest that is supported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.ipykernels import OLDEST
from tests.notebook.kernels import Kernel, Message, lines, opened, running_kernel, sent
from tests.servers import running_server
from tests.workers import running_worker

pytestmark = pytest.mark.parametrize("ipykernel", ["", OLDEST], indirect=True, scope="module")

BEGIN = """
%load_ext nbqueue
import asyncio, os, time
def until(path):
    import os, time, nbqueue
    for done in (1, 2):
        nbqueue.progress(done, 3, f"step {done}")
        while not os.path.exists(f"{path}{done}"):
            time.sleep(0.01)
    return "done"
"""
#: cells that wait for a file, and say when they do
AWAITS = "print('here')\nwhile not os.path.exists({!r}): await asyncio.sleep(0.01)"
BLOCKS = "print('here')\nwhile not os.path.exists({!r}): time.sleep(0.01)"


@dataclass(frozen=True)
class Place:
    """A kernel with a server."""

    kernel: Kernel
    settings: Settings
    #: of the kernel
    environ: dict[str, str]
    #: of ipykernel
    version: tuple[int, int]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, ipykernel: str) -> Iterator[Place]:
    """One for all tests of a version."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    with running_server() as server:
        environ = {"NBQUEUE_URL": server.url, "NBQUEUE_HOME": str(home), "HOME": str(home)}
        with running_kernel(**environ) as kernel:
            kernel.run(BEGIN)
            version = kernel.printed("import ipykernel\nprint(*ipykernel.version_info[:2])").split()
            assert ipykernel.partition("==")[2].split(".")[:2] in ([""], version)
            settings = Settings(url=server.url, home=home)
            yield Place(kernel, settings, environ, (int(version[0]), int(version[1])))


@pytest.fixture
def worker(place: Place) -> Iterator[None]:
    """A worker of that server."""
    with running_worker(place.settings, "--slots", "1"):
        yield


def shows(message: Message, words: str) -> bool:
    """Whether a widget has these words from then on."""
    return any(words in str(change.get("value")) for change in sent([message]))


def is_here(message: Message) -> bool:
    """Whether a cell has begun to wait."""
    return bool(message["msg_type"] == "stream" and message["content"]["text"].startswith("here"))


@pytest.mark.usefixtures("worker")
def test_a_bar_moves_while_a_cell_blocks(place: Place, tmp_path: Path) -> None:
    """A card follows its job while a cell keeps the kernel busy, with every version."""
    go, cell = tmp_path / "go", tmp_path / "cell"
    place.kernel.run(f"job = await submit(until, {str(go)!r})\njob")
    begun = place.kernel.begin(BLOCKS.format(str(cell)))
    place.kernel.seen(lambda message: shows(message, "step 1"))
    Path(f"{go}1").touch()
    place.kernel.until(lambda message: shows(message, "step 2"))
    Path(f"{go}2").touch()
    cell.touch()
    place.kernel.done(begun)
    assert place.kernel.printed("print(await job)") == "done\n"
    assert lines(place.kernel.messages)[-1].startswith("✓ succeeded  until")


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("waits", [AWAITS, BLOCKS], ids=["awaits", "blocks"])
def test_a_click_is_heard(place: Place, tmp_path: Path, waits: str) -> None:
    """A click on Cancel is heard while a cell awaits from ipykernel 7.4 on; else when the cell has ended."""
    cell = tmp_path / "cell"
    published = place.kernel.run(f"job = await submit(until, {str(tmp_path / 'go')!r})\njob")
    [button] = [model for model, state in opened(published).items() if state.get("description") == "Cancel"]
    place.kernel.until(lambda message: shows(message, "step 1"))
    begun = place.kernel.begin(waits.format(str(cell)))
    place.kernel.until(is_here)
    place.kernel.click(button)
    at_once = waits is AWAITS and place.version >= (7, 4)
    if at_once:
        place.kernel.until(lambda message: shows(message, "cancelled"))
    cell.touch()
    heard = any(shows(message, "cancelled") for message in place.kernel.done(begun))
    assert heard == at_once
    assert place.kernel.printed("try: await job\nexcept nbqueue.JobCancelled: print('ended')") == "ended\n"


@pytest.mark.parametrize("waits", ["await job", "job.wait()"])
def test_an_interrupt_ends_the_wait_alone(place: Place, waits: str) -> None:
    """The error is one line, and the job goes on; the next cell runs."""
    place.kernel.run("job = await nbqueue.options(queue='nobody').submit(abs, 1)")
    begun = place.kernel.begin(f"print('here')\n{waits}")
    place.kernel.until(is_here)
    place.kernel.manager.interrupt_kernel()
    error = place.kernel.until(lambda message: bool(message["msg_type"] == "error"))
    [line] = error["content"]["traceback"]
    assert "nbqueue: stopped waiting; job" in line
    place.kernel.seen(lambda message: _is_idle(message, begun[0]))
    assert place.kernel.printed("print(await job.state())") == "queued\n"


@pytest.mark.usefixtures("worker")
def test_a_card_is_back_after_a_restart(place: Place, tmp_path: Path) -> None:
    """The kernel is killed; in the next one `attach` has the job, its bar and its end."""
    with running_kernel(**place.environ) as first:
        first.run(BEGIN)
        job_id = first.printed(f"job = await submit(until, {str(tmp_path / 'go')!r})\nprint(job.id)").strip()
        first.kill()
    with running_kernel(**place.environ) as second:
        second.run(f"import nbqueue\njob = await nbqueue.attach({job_id!r})\njob")
        second.seen(lambda message: shows(message, "step 1"))
        for number in (1, 2):
            (tmp_path / f"go{number}").touch()
        assert second.printed("print(await job)") == "done\n"
        assert lines(second.messages)[-1].startswith("✓ succeeded  until")


def _is_idle(message: Message, request: str) -> bool:
    return bool(
        message["msg_type"] == "status"
        and message["content"]["execution_state"] == "idle"
        and message["parent_header"].get("msg_id") == request
    )
