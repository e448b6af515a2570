"""When saved outputs are drawn anew, so that a page that reads whole cells again for each keeps up."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from statistics import median

from tests.notebook.kernels import Message, displayed, running_kernel

BEGIN = """
from nbqueue.notebook import outputs, publish
outputs.SAVED_S = 0.5
ticker, shown = __import__("nbqueue.notebook.ticker", fromlist=["Ticker"]).Ticker(tick_s=0.02), []
class Shown:
    over = False
    def __init__(self, name):
        self.name, self.outputs = name, outputs.Outputs()
        self.outputs.show({"text/html": "", "text/plain": name})
        shown.append(self)
    def redraw(self):
        return self.outputs.save({"text/html": "", "text/plain": self.name}) if self.outputs.is_due else 0
"""
SHOW = "for number in range(3): Shown(f'{cell} ' + str(number))"
WATCH = """
import time
for each in shown:
    ticker.add(each)
time.sleep(4)
ticker.drop(shown)
"""


def test_saved_outputs_of_a_cell_are_drawn_together_and_cells_apart() -> None:
    """All of a cell at one go, none of another one for a moment after it, and each has its turn."""
    with running_kernel() as kernel:
        kernel.run(BEGIN)
        for cell in "abc":
            kernel.run(SHOW.replace("{cell}", cell))
        published = [item for item in kernel.run(WATCH) if item["msg_type"] == "update_display_data"]
    names = [bundle["text/plain"] for bundle in displayed(published, "update_display_data")]
    assert set(names) == {f"{cell} {number}" for cell in "abc" for number in range(3)}
    moments = list(zip((name[0] for name in names), map(_at, published), strict=True))
    apart = [(after - before).total_seconds() for (a, before), (b, after) in pairwise(moments) if a != b]
    # a moment is told later than it is taken, on a busy machine by more than it takes to the next
    assert (len(apart) >= 3, median(apart) > 0.25) == (True, True)


def _at(message: Message) -> datetime:
    at: datetime = message["header"]["date"]
    return at
