"""What `attach()` shows at the end of a cell: cards of the jobs that live, then a table of those that have ended."""

from __future__ import annotations

from nbqueue.model.settings import Settings
from tests.notebook.kernels import WIDGET, displayed, lines, running_kernel

SUBMIT = """
import time
import nbqueue
from nbqueue.notebook import cards, listing
cards.LIVE_CARDS, listing.ENDED = 2, 3
jobs = []
for n in range(8):
    jobs.append(await nbqueue.options(queue="nobody", label=f"job {n}").submit(sum, [n]))
    time.sleep(0.002)  # the server's clock orders them, in milliseconds
for job in jobs[:5]:
    await job.cancel()
"""
GROUP = """
group = await nbqueue.options(queue="nobody").submit_map(abs, range(3))
await group[1].cancel()
"""


def test_live_jobs_come_first_and_ended_ones_below(settings: Settings) -> None:
    """The newest live jobs have cards, the newest ended ones rows, and the others are counted."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        assert displayed(kernel.run("import nbqueue\nawait nbqueue.attach()"))[0]["text/plain"].endswith("None so far.")
        kernel.run(SUBMIT)
        first, widget, second, _, table, rest = displayed(kernel.run("found = await nbqueue.attach()\nfound"))
        cards = [bundle["text/plain"].split("  ") for bundle in (first, second)]
        assert [(state[:15], job) for state, job in cards] == [
            ("○ was queued at", "job 6"),
            ("○ was queued at", "job 7"),
        ]
        assert [WIDGET in bundle for bundle in (first, widget, second, table, rest)] == [False, True] + [False] * 3
        rows = table["text/plain"].splitlines()
        assert "await job for its result" in rows[-1]
        assert rows[0].endswith("that have ended: the last 3 of 5")
        assert [row.split("job ")[1].split()[0] for row in rows[2:-1]] == ["4", "3", "2"]
        left = rest["text/plain"].splitlines()
        assert (left[0], "job 5" in left[2]) == ("and 1 more that wait or run, without a card here", True)
        printed = kernel.run("print(found)")
        kernel.run(GROUP)
        # how far the group is may be known a moment later
        assert "  abs, 3 jobs  " in displayed(kernel.run("await nbqueue.attach()"))[2]["text/plain"]
        tables = [bundle["text/plain"] for bundle in displayed(kernel.messages) if "have ended" in bundle["text/plain"]]
        assert ("of 5" in tables[-1], "abs" in tables[-1]) == (True, False)
    (text,) = [item["content"]["text"] for item in printed if item["msg_type"] == "stream"]
    assert [line.split()[1] for line in text.splitlines()[1:]] == ["queued"] * 3 + ["cancelled"] * 5


CUT = """
from nbqueue.client import attaching
attaching.MOST = 2
for n in range(5):
    await nbqueue.options(queue="nobody").submit(sum, [n])
gone = [await nbqueue.options(queue="nobody").submit(sum, [n]) for n in range(4)]
for job in gone:
    await job.cancel()
"""


def test_what_is_cut_says_so(settings: Settings) -> None:
    """How many more wait or run everywhere; that there are more than those that ended last; and of a listing, where."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run("import nbqueue\nfrom nbqueue.notebook import cards, listing\nlisting.ENDED = 1" + CUT)
        everywhere = lines(kernel.run("await nbqueue.attach(everywhere=True)"), "display_data")
        assert everywhere[-1] == "and 3 more that wait or run, without a card here"
        kernel.run("cards.LIVE_CARDS = 1")
        everywhere = lines(kernel.run("await nbqueue.attach(everywhere=True)"), "display_data")
        (rest,) = [text for text in everywhere if "without" in text]
        begin = "and 1 more that wait or run, without a card here (and 3 that were not looked up)"
        assert (rest.splitlines()[0], len(rest.splitlines())) == (begin, 3)
        here = lines(kernel.run("await nbqueue.attach()"), "display_data")
        assert any(text.splitlines()[0].endswith("that have ended: the last 1 of more than 2") for text in here)
        (found,) = kernel.run("(await nbqueue.jobs.recent(3))._repr_html_()")[-2:-1]
        assert "; there are more" in found["content"]["data"]["text/plain"]
        listed = kernel.run("from nbqueue.notebook import reprs\nreprs.MOST = 4\nnbqueue.jobs")
        assert "There are more: " in displayed(listed, "execute_result")[0]["text/plain"]
