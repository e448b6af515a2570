"""Errors travel as text, and as themselves where they can be rebuilt."""

import pickle
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

from nbqueue.broker import raised
from nbqueue.broker.raised import dump_error, load_error
from nbqueue.errors import RetryLater
from nbqueue.model.outcome import ErrorInfo


class Infeasible(ValueError):
    """An error of the user's own."""


class Picky(Exception):
    """An error that is pickled but cannot be loaded again."""

    def __init__(self, model: str, *, gap: float) -> None:
        super().__init__(f"{model}: {gap}")


def _holding(value: object) -> Infeasible:
    error = Infeasible("locked")
    error.lock = value  # type: ignore[attr-defined]
    return error


class Silent(Exception):
    """An error whose own methods raise."""

    def __str__(self) -> str:
        raise KeyError("no text")


def caught(error: BaseException, cause: BaseException | None = None) -> BaseException:
    """The error as it looks when it was raised."""
    try:
        _raise(error, cause)
    except type(error) as found:
        return found
    return error


def test_an_error_comes_back_as_itself() -> None:
    """Class, arguments and notes survive; the text is there as well."""
    error = Infeasible("no plan", 3)
    error.add_note("try a longer horizon")
    info = dump_error(caught(error))
    back = load_error(info)
    assert isinstance(back, Infeasible)
    assert (back.args, back.__notes__) == (("no plan", 3), ["try a longer horizon"])
    assert (info.type, info.message) == ("Infeasible", "('no plan', 3)")
    assert info.bases == ("Infeasible", "ValueError", "Exception", "BaseException")
    assert "raise error from cause" in info.traceback
    assert info.traceback.endswith("Infeasible: ('no plan', 3)\ntry a longer horizon\n")
    assert type(load_error(info.pickled)) is Infeasible


def test_the_chain_of_causes_is_in_the_text() -> None:
    """Causes and contexts are told in order."""
    text = dump_error(caught(Infeasible("outer"), cause=caught(KeyError("inner")))).traceback
    assert text.index("KeyError: 'inner'") < text.index("direct cause") < text.index("Infeasible: outer")


def test_an_error_that_cannot_be_rebuilt_travels_as_text() -> None:
    """An __init__ of its own, a lock inside or a megabyte of data: the text is enough."""
    holds_lock = Infeasible("locked")
    holds_lock.lock = sys._getframe()  # type: ignore[attr-defined]
    for error in (Picky("m", gap=0.1), holds_lock, Infeasible("x" * 2 * raised.PICKLED_LIMIT_BYTES)):
        info = dump_error(caught(error))
        assert (info.type, info.pickled, load_error(info)) == (type(error).__name__, b"", None)


PICKY = (
    "pickle makes it anew as Picky('m: 0.1'), which raised TypeError: Picky.__init__() missing 1 required keyword-only "
    "argument: 'gap': give it a __reduce__, or hand all arguments of its __init__ on to super().__init__"
)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Picky("m", gap=0.1), PICKY),
        (_holding(sys._getframe()), "it cannot be pickled (TypeError: cannot pickle 'frame' object)"),
        (Infeasible("x" * 2_000_000), "it takes 2,000,"),
    ],
    ids=["its __init__", "what it holds", "its size"],
)
def test_it_says_why_an_error_travels_as_text(error: BaseException, why: str) -> None:
    """One sentence below the traceback says what kept the error itself from being sent, and what would help."""
    info = dump_error(caught(error))
    last = info.traceback.splitlines()[-1]
    assert (info.pickled, last.count("\n")) == (b"", 0)
    assert last.startswith(f"(The {type(error).__name__} itself could not be sent, so __cause__ is None: {why}")
    assert f"{info.type}: {info.message}"[:50] in info.traceback


def test_an_error_without_text_travels() -> None:
    """An error whose __str__ raises is told all the same."""
    info = dump_error(caught(Silent()))
    assert (info.type, info.message) == ("Silent", "<its text cannot be had: __str__ raised KeyError>")
    assert "Silent" in info.traceback


def test_long_texts_are_cut() -> None:
    """Message and traceback have limits, and the traceback keeps both ends."""
    info = dump_error(caught(Infeasible("x" * 50_000 + "end")))
    assert len(info.message) == raised.MESSAGE_LENGTH
    assert len(info.traceback) <= raised.TRACEBACK_LENGTH
    assert info.traceback.startswith("Traceback")
    assert info.traceback.endswith("end\n")


def test_a_wish_for_another_attempt_is_read() -> None:
    """RetryLater's seconds stand beside the text."""
    assert dump_error(caught(RetryLater(2.5))).retry_after_s == 2.5
    assert dump_error(caught(Infeasible())).retry_after_s is None


def test_frames_of_nbqueue_are_left_out_at_the_top() -> None:
    """A traceback begins where the job's own code begins."""
    namespace: dict[str, Any] = {"__name__": "nbqueue.children.child", "job": _job}
    exec(compile("def run():\n    job()\n", "/somewhere/nbqueue/children/child.py", "exec"), namespace)
    with pytest.raises(Infeasible) as found:
        namespace["run"]()
    above = found.value.__traceback__
    text = dump_error(found.value.with_traceback(above.tb_next if above else None)).traceback
    assert "child.py" not in text
    assert "_job" in text


@pytest.mark.parametrize("data", [b"", b"noise", pickle.dumps("no error"), pickle.dumps(ValueError)])
def test_what_is_no_error_is_none(data: bytes) -> None:
    """Bytes that hold no error give None, not another error."""
    assert load_error(data) is None
    assert load_error(ErrorInfo(type="E", message="", pickled=data)) is None


def test_an_exit_travels_too(tmp_path: Path) -> None:
    """SystemExit and groups of errors are errors like others."""
    assert isinstance(load_error(dump_error(caught(SystemExit(3)))), SystemExit)
    group = ExceptionGroup("several", [ValueError("a"), OSError(2, "b", str(tmp_path))])
    info = dump_error(caught(group))
    assert "ValueError: a" in info.traceback
    assert isinstance(load_error(info), ExceptionGroup)


def _raise(error: BaseException, cause: BaseException | None) -> NoReturn:
    raise error from cause


def _job() -> NoReturn:
    raise Infeasible("none")
