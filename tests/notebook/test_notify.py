"""nbqueue.notify: a line and the browser's notification in a notebook, the bell in a terminal."""

from collections.abc import Iterator

import pytest

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.model.settings import Settings
from nbqueue.notebook.notify import bundle
from tests.workers import running_worker


@pytest.fixture
def working(settings: Settings) -> Iterator[Settings]:
    """A session with a worker."""
    nbqueue.configure(settings)
    with running_worker(settings, "--slots", "1"):
        yield settings
    shutdown()


def test_what_a_notebook_shows_is_harmless() -> None:
    """No text of a job ends the script or becomes markup, and a page opened later does not notify again."""
    found = bundle("</script><b>x</b>: & 'failed'", "id", now_ms=7)
    assert found["text/plain"] == "</script><b>x</b>: & 'failed'"
    assert found["text/html"].count("</script>") == 1
    assert "<b>" not in found["text/html"]
    assert "&lt;b&gt;x&lt;/b&gt;: &amp; &#x27;failed&#x27;</small>" in found["text/html"]
    assert '"at": 7}' in found["text/html"]
    assert "Date.now() - word.at > 60000" in found["text/html"]
