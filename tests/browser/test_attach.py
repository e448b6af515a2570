"""Jobs outlive their kernel: after a restart, in another notebook and in a notebook opened again they are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import DRAWN_WITHIN_MS, Lab, Notebook, opened
from tests.waiting import wait_until

pytestmark = pytest.mark.browser
expect.set_options(timeout=DRAWN_WITHIN_MS)

SUBMIT = """
import nbqueue
from pathlib import Path
go = Path("go").absolute()
def steps(go):
    import time, nbqueue
    k = 0
    while not go.exists():
        k += 1
        nbqueue.progress(min(k, 900), 1000, "on its way")
        print("step", k)
        time.sleep(0.05)
    return "the result"
quick = await nbqueue.options(label="quick").submit(sum, [1, 2])
long = await nbqueue.options(label="the long one").submit(steps, go)
print(await quick)
long
"""
ATTACH = "import nbqueue\nfound = await nbqueue.attach()\nfound"
RESULT = "open('go', 'w').close()\nlong = found.live[0]\nprint(await long)"
LOG = "print((await long.logs()).splitlines()[0], [await job for job in found.ended])"

MANY = """
import nbqueue
from pathlib import Path
go = Path("go").absolute()
async def steps(go, number=0):
    import asyncio, nbqueue
    print("log of", number)
    nbqueue.progress(250, 1000, f"at {number}")
    while not go.exists():
        await asyncio.sleep(0.05)
    return number
def broken(number):
    raise ValueError(f"no {number}")
quick = await nbqueue.submit(sum, [1, 2])
bad = await nbqueue.submit(broken, 13)
print(await quick, (await bad.info()).state)
for number in (1, 2, 3):
    await nbqueue.options(label=f"long {number}").submit(steps, go, number)
many = await nbqueue.options(label="many").submit_map(steps, [go] * 3000)
many
"""
CANCELLED = "group = found.works[0]\nprint(len(group), *(await group.progress()).items())"
RESULTS = "go.touch()\nprint([await job for job in found.works[1:]], await found.ended[1])\nawait found.ended[0]"


@pytest.mark.slow
def test_after_a_restart_everything_is_back(lab: Lab) -> None:
    """The kernel is restarted while a job runs: its bar moves again, log and result are there, as is what had ended."""
    lab.write("work.ipynb", [SUBMIT, ATTACH, RESULT, LOG])
    with opened(lab, "work.ipynb") as notebook:
        notebook.run(0)
        expect(notebook.output(0)).to_contain_text("on its way")
        notebook.restart()
        # what nothing moves any more gives way to what was saved of it
        expect(notebook.output(0).locator(".jupyter-widgets-disconnected").first).not_to_be_visible()
        expect(notebook.output(0).get_by_text("was running at")).to_be_visible()
        notebook.run(1)
        card = notebook.output(1)
        bar = card.get_by_role("progressbar", name="the long one").first
        expect(card).to_contain_text("Jobs of the notebook work.ipynb that have ended")
        expect(card).to_contain_text("quick")
        before = int(bar.get_attribute("aria-valuenow") or 0)
        wait_until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > before, 20)
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("the result")
        expect(card).to_contain_text(re.compile("succeeded.*the long one", re.DOTALL))
        notebook.run(3)
        expect(notebook.output(3)).to_contain_text("step 1 [3]")
        assert notebook.troubles == []


@pytest.mark.slow
def test_after_a_restart_many_jobs_are_back(lab: Lab) -> None:
    """Several that run, a group of thousands, a value and a traceback; Cancel on the group's card is for all of it."""
    lab.write("work.ipynb", [MANY, ATTACH, CANCELLED, f"from pathlib import Path\ngo = Path('go')\n{RESULTS}"])
    with opened(lab, "work.ipynb") as notebook:
        notebook.run(0)
        expect(notebook.output(0)).to_contain_text(re.compile("running.*3,000", re.DOTALL))
        notebook.restart()
        notebook.run(1)
        cards = notebook.output(1)
        for number in (1, 2, 3):
            bar = cards.get_by_role("progressbar", name=f"long {number}").first
            expect(bar).to_have_attribute("aria-valuenow", "25")
            expect(cards).to_contain_text(f"log of {number}")
        expect(cards).to_contain_text(re.compile("many.*3,000.*failed.*broken.*ValueError: no 13", re.DOTALL))
        cards.get_by_role("button", name="Cancel").last.click()
        expect(cards).to_contain_text("3,000 cancelled")
        notebook.run(2)
        expect(notebook.output(2)).to_contain_text("3000 (<State.CANCELLED: 'cancelled'>, 3000)")
        notebook.run(3)
        expect(notebook.output(3)).to_contain_text("[3, 2, 1] 3")
        expect(notebook.output(3)).to_contain_text("in broken")
        assert notebook.troubles == []


@pytest.mark.slow
def test_a_closed_page_finds_its_cards_again(lab: Lab) -> None:
    """A page that is opened again while its kernel lives shows cards that move, without a cell being run."""
    lab.write("work.ipynb", [SUBMIT, RESULT.replace("long = found.live[0]", "")])
    with opened(lab, "work.ipynb") as notebook:
        notebook.run(0)
        wait_until(lambda: "on its way" in _saved(lab, notebook), 30)
    with opened(lab, "work.ipynb") as notebook:
        card = notebook.output(0)
        expect(card.get_by_role("button", name="Cancel")).to_be_visible()
        bar = card.locator(".jupyter-widgets").get_by_role("progressbar", name="the long one")
        before = int(bar.get_attribute("aria-valuenow") or 0)
        wait_until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > before, 20)
        notebook.run(1)
        expect(card).to_contain_text(re.compile("succeeded.*the long one", re.DOTALL))
        assert notebook.troubles == []


@pytest.mark.slow
def test_other_notebooks_find_it_by_its_id_or_everywhere(lab: Lab) -> None:
    """Another notebook has jobs of its own; one by its id, or all that live, are found from there too."""
    lab.write("work.ipynb", [SUBMIT.replace("print(await quick)", "Path('id').write_text(long.id)")])
    lab.write("other.ipynb", [
        ATTACH, "job = await nbqueue.attach(open('id').read())\njob", "await nbqueue.attach(everywhere=True)",
        "open('go', 'w').close()\nprint(await job)",
    ])  # fmt: skip
    with opened(lab, "work.ipynb") as notebook:
        notebook.run(0)
        expect(notebook.output(0)).to_contain_text("on its way")
    with opened(lab, "other.ipynb") as notebook:
        notebook.run(0)
        expect(notebook.output(0)).to_contain_text("Jobs of the notebook other.ipynb None so far.")
        for number in (1, 2):
            notebook.run(number)
            expect(notebook.output(number)).to_contain_text("the long one")
            expect(notebook.output(number)).to_contain_text("on its way")
        notebook.run(3)
        expect(notebook.output(3)).to_contain_text("the result")
        assert notebook.troubles == []


@pytest.mark.slow
def test_a_notebook_opened_again_says_what_it_knew(lab: Lab, tmp_path: Path) -> None:
    """Without the kernel, trusted or not, a card is how its job stood when the page was left, and no error."""
    lab.write("work.ipynb", [SUBMIT])
    with opened(lab, "work.ipynb") as notebook:
        notebook.run(0)
        expect(notebook.output(0)).to_contain_text("on its way")
        wait_until(lambda: "on its way" in _saved(lab, notebook), 30)
    lab.end_kernels()
    # another word in it, and it is a notebook that somebody else has sent: not trusted
    (lab.folder / "copy.ipynb").write_text(
        (lab.folder / "work.ipynb").read_text().replace("import Path", "import  Path")
    )
    for name in ("work.ipynb", "copy.ipynb"):
        with opened(lab, name) as notebook:
            expect(notebook.output(0)).to_contain_text(
                re.compile(r"was running at.*the long one.*/1,000 .*on its way", re.DOTALL)
            )
            error = notebook.output(0).get_by_text(re.compile("Error displaying|Loading widget"))
            assert not error.is_visible()
            # a page looks for the model of a widget for two seconds
            notebook.page.wait_for_timeout(4000)
            assert not error.is_visible()
            notebook.page.screenshot(path=tmp_path / f"{name}.png")
            assert notebook.troubles == []
    (lab.folder / "go").touch()


def _saved(lab: Lab, notebook: Notebook) -> str:
    """The outputs of its first cell as they are in its file."""
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_timeout(500)
    book = json.loads((lab.folder / "work.ipynb").read_text())
    return json.dumps(book["cells"][0]["outputs"])
