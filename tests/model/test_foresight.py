"""What functions say of calls of them before jobs are made of these."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from nbqueue.client.submission import draft_many, draft_one
from nbqueue.errors import ConfigurationError
from nbqueue.model import foresight
from nbqueue.model.foresight import Given
from nbqueue.model.output import Output, StandIn
from nbqueue.model.settings import Settings
from nbqueue.model.task import Task


def _check(given: Given) -> None:
    if "size" in given and not isinstance(given["size"], int):
        raise ConfigurationError(f"size={given['size']!r} cannot be used.")


@foresight.foresees(check=_check, label=lambda given: f"boxes.pack {given.get('name', '')}".strip())
def pack(name: str, size: int = 1, *rest: int) -> str:
    """A call, in words."""
    return f"{name} {size} {rest}"


class Later(Output):
    """The result of a job that has not ended."""

    def __nbqueue_output__(self) -> StandIn:
        return StandIn(job_ids=("a",), place=("x", ""))


def label_of(fn: Any, *calls: Sequence[Any]) -> str:
    """The label of jobs of these calls."""
    return foresight.label(fn, [(call, {}) for call in calls])


def test_a_function_without_foresight_says_nothing() -> None:
    """Neither a plain function, nor a built-in one, nor a name."""
    for fn in (label_of, max, "pack", 5):
        foresight.check(fn, ("a", "b"), {})  # type: ignore[arg-type]
        assert label_of(fn, ("a",)) == ""


@pytest.mark.parametrize("fn", [pack, partial(pack), Task(pack, "pack"), partial(Task(pack, "pack"))], ids=range(4))
def test_what_is_called_in_the_end_is_asked(fn: Any) -> None:
    """A task and a partial are looked through."""
    with pytest.raises(ConfigurationError, match=r"size='3' cannot be used\."):
        foresight.check(fn, ("a", "3"), {})
    assert label_of(fn, ("a",)) == "boxes.pack a"


def test_arguments_of_a_partial_count() -> None:
    """They are the call's as well."""
    wrong: Any = None
    with pytest.raises(ConfigurationError, match=r"size=None"):
        foresight.check(partial(pack, size=wrong), ("a",), {})


def test_results_of_jobs_are_not_known_yet() -> None:
    """A handle among the arguments is nothing to judge, however deep in lists and dicts it is."""
    circle: list[Any] = []
    circle.append(circle)
    for later in (Later(), [Later()], {"size": (1, Later())}, [circle, {Later()}]):
        foresight.check(pack, ("a", later), {})
        assert label_of(pack, (later,)) == "boxes.pack"
    with pytest.raises(ConfigurationError, match=r"size=\[\[\.\.\.\]\] cannot be used\."):
        foresight.check(pack, ("a", circle), {})


@foresight.foresees(check_here=lambda given: _check({"size": "nowhere", **given}))
def ship(name: str, size: int = 1, **more: Any) -> str:
    """A call that says something of this machine alone."""
    return f"{name} {size} {more}"


def test_a_call_that_takes_results_asks_nothing_of_this_machine() -> None:
    """The job that it waits for may bring what it needs."""
    foresight.check(ship, ("a", [Later()]), {}, is_here=True)
    foresight.check(ship, ("a",), {}, is_here=False)
    with pytest.raises(ConfigurationError, match=r"size='nowhere'"):
        foresight.check(ship, ("a",), {}, is_here=True)


def test_calls_that_differ_have_what_is_common() -> None:
    """Of several calls the label is that of each, or that of a call of which nothing is known."""
    assert label_of(pack, ("a",), ("a", 2)) == "boxes.pack a"
    assert label_of(pack, ("a",), ("b",)) == "boxes.pack"
    assert label_of(pack) == ""


def test_a_label_is_printable_and_not_long() -> None:
    """Whatever the function makes of its arguments."""
    assert label_of(pack, ("a\n" + "x" * 300,)) == "boxes.pack a?" + "x" * 187


def test_nothing_is_drafted_that_cannot_be_called() -> None:
    """A job, and each of many, is refused where it is submitted."""
    with pytest.raises(ConfigurationError, match=r"size='b'"):
        draft_one(Settings(), pack, ("a", "b"), {}, {})
    with pytest.raises(ConfigurationError, match=r"size='b'"):
        draft_many(Settings(), pack, [("a", 1), ("a", "b")], {})


def test_a_label_that_is_given_wins() -> None:
    """Also an empty one, which stands for the function's name."""
    drafts = [draft_one(Settings(), pack, ("a",), {}, given) for given in ({}, {"label": "mine"}, {"label": ""})]
    assert [each.order.options.label for each in drafts] == ["boxes.pack a", "mine", ""]
    assert draft_many(Settings(), pack, [("a",), ("b",)], {}).order.options.label == "boxes.pack"
