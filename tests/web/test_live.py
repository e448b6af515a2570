"""The stream that keeps a page live."""

import pytest

from nbqueue.client.session import session
from nbqueue.web.config import WebConfig
from nbqueue.web.pages import routes
from tests.web.inside import asked


@pytest.mark.usefixtures("base")
async def test_a_stream_ends_with_a_word_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on for so long and no longer; the page reconnects, and its cookie is looked at anew."""
    monkeypatch.setattr(routes, "LONGEST_S", 0.5)
    pages = routes.pages_of(session(), read_only=True)
    start, *parts = await asked(WebConfig(token="t" * 20), "/live", pages)
    text = [bytes(each["body"]).decode() for each in parts]
    assert (start["status"], text[0], text[-2:]) == (200, "retry: 2000\n\n", ["event: again\ndata: {}\n\n", ""])
    assert text[1].startswith("data: {")
