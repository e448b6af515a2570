"""One live dashboard in a kernel, however often it is asked for; and what is left of it in the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.notebook.kernels import WIDGET, Kernel, displayed, running_kernel
from tests.notebook.test_board_dashboard import choose, model, shows
from tests.waiting import wait_until

SHOW = "import nbqueue\nnbqueue.dashboard()"
NOTHING = {"text/html": "", "text/plain": ""}
COMMS = "from comm import get_comm_manager\nprint(len(get_comm_manager().comms))"
TICKERS = "import threading\nprint([t.name for t in threading.enumerate()].count('nbqueue-ticker'))"
#: of the last picture: a box with the tables in it, and their layouts and style
PICTURE = "5\n"


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel that goes to the test's server, where one job waits."""
    nbqueue.configure(settings)
    nbqueue.options(label="mine").submit(abs, 1).wait()
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as found:
        yield found


def test_its_cell_is_run_again(kernel: Kernel) -> None:
    """The one that lives moves to the newest cell and stays as it is; where it was plain tables stay."""
    kernel.run(f"%load_ext nbqueue\n{SHOW}")
    choose(kernel, model(kernel, "TextModel", description="Find"), value="nothing like it")
    shows(kernel, "0 jobs")
    comms = kernel.printed(COMMS)
    for code in (SHOW, "%nbqueue dashboard", f"nbqueue.configure()\n{SHOW}", "nbqueue.dashboard().show()", SHOW):
        published = kernel.run(code)
        tables, gone = displayed(published, "update_display_data")
        saved, live = displayed(published)
        assert ("default" in tables["text/html"], gone, "default" in saved["text/html"]) == (True, NOTHING, True)
        assert WIDGET in live
        assert (kernel.printed(COMMS), kernel.printed(TICKERS)) == (comms, "1\n")
    choose(kernel, model(kernel, "TextModel", description="Find"), value="")
    shows(kernel, "1 to 1 of 1")


def test_two_that_were_made_before_one_was_shown(kernel: Kernel) -> None:
    """The newest that is shown lives, the other has ended."""
    kernel.run(f"{SHOW.replace('nbqueue.d', 'one = nbqueue.d')}\nother = nbqueue.dashboard()\none.show()\nother.show()")
    assert kernel.printed("print(one.is_open, other.is_open)") == "False True\n"
    assert kernel.printed(TICKERS) == "1\n"


def test_another_server_has_another(kernel: Kernel) -> None:
    """Two dashboards of two namespaces live beside one another, and with a card they are redrawn by one thread."""
    kernel.run(SHOW)
    kernel.run("one = nbqueue.dashboard()\nnbqueue.configure(namespace='other')\nother = nbqueue.dashboard()\nother")
    kernel.run("job = await nbqueue.options(queue='nobody').submit(abs, 1)\njob")
    assert kernel.printed("print(one.is_open, other.is_open, one is other)") == "True True False\n"
    assert kernel.printed(TICKERS) == "1\n"


def test_its_comms_go_with_it(kernel: Kernel) -> None:
    """A closed one leaves its last picture to pages that keep outputs, until another is shown; unloading nothing."""
    kernel.run("%load_ext nbqueue")
    for _ in range(2):
        kernel.messages.clear()
        kernel.run(SHOW)
        shows(kernel, "1 to 1 of 1")
        choose(kernel, model(kernel, "CheckboxModel", description="mine"), value=True)
        shows(kernel, "1 selected")
        kernel.click(model(kernel, "ButtonModel", description="Open card"))
        shows(kernel, "nbqueue-card")
        kernel.click(model(kernel, "ButtonModel", description="Close"))
        # what all cards share is kept for the next
        wait_until(lambda: kernel.printed(f"nbqueue.notebook.widgets.close_shared()\n{COMMS}") == PICTURE)
        wait_until(lambda: kernel.printed(TICKERS) == "0\n")
    kernel.run("%unload_ext nbqueue")
    assert kernel.printed(COMMS) == "0\n"


def test_nothing_is_left_after_unloading(kernel: Kernel) -> None:
    """Of one that lives with a card in it, and of the cells it was in before."""
    kernel.run(f"%load_ext nbqueue\nimport nbqueue as mine\n{SHOW}")
    kernel.run(SHOW)
    choose(kernel, model(kernel, "CheckboxModel", description="mine"), value=True)
    shows(kernel, "1 selected")
    kernel.click(model(kernel, "ButtonModel", description="Open card"))
    shows(kernel, "nbqueue-card")
    published = kernel.run("%unload_ext nbqueue")
    assert (kernel.printed(COMMS), kernel.printed(TICKERS)) == ("0\n", "0\n")
    tables, gone = displayed(published, "update_display_data")
    assert ("mine" in tables["text/html"], gone) == (True, NOTHING)
    assert kernel.printed("print(mine.dashboard())").endswith("open>\n")
