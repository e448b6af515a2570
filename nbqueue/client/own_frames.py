"""Takes the frames of this package out of an error's traceback: what counts is the user's own line."""

from __future__ import annotations

from types import TracebackType

_PACKAGE = __name__.partition(".")[0]


def cut(error: BaseException) -> None:
    """Leave them out of what was collected so far.

    In the frame that caught the error, a `raise` alone adds none again: an error that is raised anew does not enter the
    frame a second time.
    """
    found = error.__traceback__
    while found is not None and _is_ours(found):
        found = found.tb_next
    error.__traceback__ = found


class _Cut:
    """While the block runs, an error that leaves it does so without them."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            cut(error)


CUT = _Cut()


def _is_ours(step: TracebackType) -> bool:
    return str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE
