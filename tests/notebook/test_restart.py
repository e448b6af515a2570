"""The kernel is killed while a job runs; the next one has its card again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, Message, displayed, lines, opened, running_kernel, sent
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
BEFORE = """
def broken(number):
    raise ValueError(f"no {number}")
def waits(path, _=None):
    return until(path)
go, never = PATHS
quick = await submit(sum, [1, 2])
bad = await submit(broken, 13)
longs = [await nbqueue.options(label=f"long {name}").submit(until, go) for name in "ab"]
group = await nbqueue.options(label="many").submit_map(waits, [never] * 3000)
for job in longs:
    while (await job.info()).progress.message != "half":
        await asyncio.sleep(0.02)
while not (await group.progress()).get("running"):
    await asyncio.sleep(0.02)
await quick
try:
    await bad
except nbqueue.JobFailed:
    pass
"""
COUNTED = """
import asyncio
group = found.works[0]
while set(counts := await group.progress()) != {"cancelled"}:
    await asyncio.sleep(0.05)
print(len(group), [(str(state), count) for state, count in counts.items()])
"""


def test_all_that_lived_is_back_after_a_restart(settings: Settings, tmp_path: Path) -> None:
    """Jobs that run with bars and logs, what ended with results, a traceback, and a group of thousands as a whole."""
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home)}
    paths = (str(tmp_path / "go"), str(tmp_path / "never"))
    with running_worker(settings, "--slots", "4"):
        with running_kernel(**environ) as first:
            first.run("import asyncio, nbqueue\n" + BEGIN.replace("    while", '    print("log of", path)\n    while'))
            first.run(BEFORE.replace("PATHS", repr(paths)))
            first.kill()
        with running_kernel(**environ) as second:
            second.run("import nbqueue\nfound = await nbqueue.attach()\nfound")
            buttons = [
                model for model, state in opened(second.messages).items() if state.get("description") == "Cancel"
            ]
            assert len(buttons) == 3
            for seen in ("long a", "long b", "1/2 (50%)", "half", "log of", "3,000", "2 running"):
                second.seen(_says(seen))
            (table,) = [text for text in lines(second.messages, "display_data") if "have ended" in text]
            rows = [row.split()[2:4] for row in table.splitlines()[2:-1]]
            assert rows == [["failed", "broken"], ["succeeded", "sum"]]
            assert "ValueError: no 13" in table
            # what ended gives its result, or its error as it was on the worker
            assert second.printed("print(await found.ended[1])") == "3\n"
            second.run("found.ended[0]")
            second.seen(_says("in broken"))
            # the card of the group is the whole group
            second.click(buttons[-1])
            assert second.printed(COUNTED) == "3000 [('cancelled', 3000)]\n"
            (tmp_path / "go").touch()
            assert second.printed("print([await work for work in found.works[1:]])") == "['done', 'done']\n"


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


def _says(text: str) -> Callable[[Message], bool]:
    return lambda message: text in str(message["content"])


def _until_told(kernel: Kernel, message: str) -> None:
    told = [change for change in sent(kernel.messages) if message in str(change.get("value"))]
    if not told:
        kernel.until(lambda item: any(message in str(change.get("value")) for change in sent([item])))
