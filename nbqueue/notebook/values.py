"""How values are drawn in this process. Costs nothing to make: what draws is imported when something is drawn."""

from __future__ import annotations

from typing import Any


class ProcessDrawing:
    """Draws records, lists of them and handles for a notebook."""

    def html(self, subject: Any) -> str | None:
        """A value as a static table; None where it is plain text."""
        from nbqueue.notebook import reprs

        return reprs.html(subject)

    def text(self, subject: Any) -> str | None:
        """The same as text; None where it is its repr."""
        from nbqueue.notebook import reprs

        return reprs.text(subject)

    def now(self, subject: Any) -> dict[str, str] | None:
        """What a handle stands for as it is now, as text and as HTML; None where that is not asked for here."""
        from nbqueue.notebook import reprs

        return reprs.now(subject)
