"""Where a dashboard is shown: in each cell the live one, and beside it the tables that a saved notebook keeps."""

from __future__ import annotations

import secrets
import time

from nbqueue.notebook import markup, publish
from nbqueue.notebook.publish import NOTHING, SAVED_S, Bundle


class Shown:
    """The outputs of one dashboard, two a cell. A change of the saved one leaves the live one alone."""

    def __init__(self) -> None:
        #: a class by which the live one finds the saved ones
        self.mark = f"nbqueue-saved-{secrets.token_hex(8)}"
        self._saved: list[str] = []
        self._live: list[str] = []
        self._saved_at = 0.0

    @property
    def hides(self) -> str:
        """What the live one holds, so that the saved ones are not seen as long as it lives."""
        return f"<style>.{self.mark}{{display:none}}</style>"

    @property
    def is_due(self) -> bool:
        """Whether what is saved is old."""
        return bool(self._saved) and time.monotonic() - self._saved_at >= SAVED_S

    def show(self, picture: Bundle, live: Bundle) -> None:
        """Show both below the running cell."""
        self._saved.append(publish.publish(self._marked(picture)))
        self._live.append(publish.publish({**NOTHING, **live}))
        self._saved_at = time.monotonic()

    def save(self, picture: Bundle) -> int:
        """Draw what is saved anew; how many messages that took."""
        self._saved_at = time.monotonic()
        for display_id in self._saved:
            publish.replace(self._marked(picture), display_id)
        return len(self._saved)

    def leave(self, picture: Bundle) -> int:
        """Only this from now on, in the place of both; how many messages that took."""
        for display_id in self._saved:
            publish.replace(picture, display_id)
        for display_id in self._live:
            publish.replace(NOTHING, display_id)
        return len(self._saved) + len(self._live)

    def _marked(self, picture: Bundle) -> Bundle:
        html = f'<div class="nbqueue-saved {self.mark}">{markup.HIDDEN}{picture["text/html"]}</div>'
        return {**picture, "text/html": html}
