"""A card as one line of text: what a terminal, a log and a saved notebook's plain text show."""

from __future__ import annotations

from nbqueue.display.view import CardView


def one_line(view: CardView, *, ascii_only: bool = False) -> str:
    """The whole card in one line, beginning with glyph and state."""
    glyph = view.look.ascii if ascii_only else view.look.glyph
    parts = [f"{glyph} {view.look.word}", view.title, figures(view), details(view)]
    found = "  ".join(part for part in parts if part)
    return found.encode("ascii", "replace").decode() if ascii_only else found


def figures(view: CardView) -> str:
    """How far and how long: "37/120 (31%), 12 s, about 28 s left"."""
    far = f"{view.count} ({view.percent})" if view.percent else view.count
    return ", ".join(part for part in (far, view.elapsed, view.remaining) if part)


def details(view: CardView) -> str:
    """Everything else: the states of a group, what to do before it can run, metrics, message, notes and error."""
    parts = [f"{part.count:,} {part.look.word}" for part in view.segments]
    parts += [view.hint] if view.hint else []
    parts += [f"{name} {value}" for name, value in view.metrics]
    parts += [text for text in (view.message, *view.notes, view.error) if text]
    return ", ".join(parts)
