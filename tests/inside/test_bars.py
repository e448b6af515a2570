"""Unmodified tqdm loops drive the progress of the job they run in."""

import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from nbqueue.children.pool import Children
from tests.children.listening import Heard, a_run, open_children, value_of


@pytest.fixture
def heard() -> Heard:
    """What the job reported."""
    return Heard()


@pytest.fixture
async def children(heard: Heard) -> AsyncIterator[Children]:
    """Children with one slot."""
    async with open_children(heard, slots=1) as found:
        yield found


def with_tqdm() -> int:
    """A plain loop."""
    import time

    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    for _ in tqdm(range(20), desc="Folding"):
        time.sleep(0.01)
    return 20


def with_auto() -> None:
    """A bar that draws on terminals only."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

    for _ in tqdm(range(20), desc="Folding", disable=None):
        pass


def with_notebook() -> None:
    """A notebook's bar."""
    from tqdm.notebook import tqdm  # type: ignore[import-untyped,unused-ignore]

    for _ in tqdm(range(20), desc="Folding"):
        pass


def with_trange() -> None:
    """A range."""
    from tqdm import trange

    for _ in trange(20, desc="Folding"):
        pass


def by_hand() -> None:
    """A bar moved by hand."""
    from tqdm import tqdm

    with tqdm(total=20, desc="Folding") as bar:
        for _ in range(10):
            bar.update(2)


@pytest.mark.parametrize("fn", [with_tqdm, with_auto, with_notebook, with_trange, by_hand])
async def test_a_bar_of_any_kind_is_the_jobs(children: Children, heard: Heard, fn: Any) -> None:
    """The bar's count, total and description are the job's; nothing is drawn into its log; the child stays."""
    run = a_run(fn)
    value_of(await children.begin(run).wait())
    assert heard.reports[run.job_id][-1] == {"done": 20, "total": 20, "message": "Folding"}
    assert heard.logs[run.job_id] == ""


async def test_the_outermost_bar_drives(children: Children, heard: Heard) -> None:
    """Bars inside a bar are their own affair; one after another they take turns."""

    def nested() -> None:
        from tqdm import tqdm

        for _ in tqdm(range(3), desc="outer"):
            for _ in tqdm(range(50), desc="inner", leave=False):
                pass
        bar = tqdm(total=7, desc="second")
        bar.set_postfix(gap=0.5)
        bar.update(7)
        tqdm.write("a line")
        bar.close()

    run = a_run(nested)
    value_of(await children.begin(run).wait())
    assert heard.reports[run.job_id][-1] == {"done": 7, "total": 7, "message": "second gap=0.5"}
    assert {report.get("message") for report in heard.reports[run.job_id]} <= {"outer", "second", "second gap=0.5"}
    assert heard.logs[run.job_id] == "a line\n"


async def test_slow_steps_after_fast_ones_are_seen(children: Children, heard: Heard) -> None:
    """A loop that becomes slow goes on reporting each step."""

    def becomes_slow() -> None:
        import time

        from tqdm import tqdm

        for step in tqdm(range(5_003)):
            if step >= 5_000:
                time.sleep(0.25)

    run = a_run(becomes_slow)
    value_of(await children.begin(run).wait())
    assert {5_001, 5_002, 5_003} <= {report["done"] for report in heard.reports[run.job_id]}


async def test_bars_of_coroutines_are_their_own(children: Children, heard: Heard) -> None:
    """Two coroutines in one process each drive their own job's bar."""

    async def folds(total: int) -> None:
        import asyncio

        from tqdm import tqdm

        for _ in tqdm(range(total)):
            await asyncio.sleep(0.005)

    runs = [a_run(folds, total, run_in="async") for total in (10, 20)]
    for running in [children.begin(run) for run in runs]:
        value_of(await running.wait())
    assert [heard.reports[run.job_id][-1] for run in runs] == [{"done": 10, "total": 10}, {"done": 20, "total": 20}]


def test_the_hook_imports_nothing_and_outside_of_jobs_bars_draw() -> None:
    """Without a job tqdm is as it was; the hook alone does not import it."""
    code = (
        "import sys; from nbqueue.inside import bars; bars.hook(); bars.hook(); assert 'tqdm' not in sys.modules\n"
        "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "3/3" in ran.stderr
