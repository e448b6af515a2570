"""Cards that are opened in a dashboard, where clicks on them make one go on as another."""

from __future__ import annotations

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.client.session import session
from nbqueue.model.settings import Settings
from nbqueue.notebook.board.opened import Opened
from tests.waiting import wait_until
from tests.workers import running_worker


def bad() -> None:
    """Fail."""
    raise ValueError("bad")


def test_a_retry_that_is_open_itself_is_shown_once(settings: Settings) -> None:
    """The card that moves on to it stays, the other one is closed and followed no more."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1"):
        job = nbqueue.submit(bad).wait()
        with pytest.raises(nbqueue.JobFailed):
            job.wait(20)
        again = job.retry().wait()
        with pytest.raises(nbqueue.JobFailed):
            again.wait(20)
        opened = Opened(session(), print)
        opened.open([job.id, again.id])

        def drawn() -> int:
            opened.redraw()
            opened.sweep()
            return len(opened.boxes)

        wait_until(lambda: drawn() == 2)
        (moving, _), (_, gone) = opened._cards.values()
        moving.retry()
        wait_until(lambda: drawn() == 1)
        assert [card for card, _ in opened._cards.values()] == [moving]
        assert gone.box.comm is None
        opened.close()
        opened.sweep()
    shutdown()
