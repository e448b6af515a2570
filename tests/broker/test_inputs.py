"""Results of other jobs in a call: what stands for them while it travels, and what they become where it is loaded."""

import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from nbqueue.broker import codec, plain_pickle
from nbqueue.broker.inputs import Input, Problem, take
from nbqueue.errors import JobFailed, NotSendable
from nbqueue.model.output import Output, StandIn


@dataclass(frozen=True)
class Handle(Output):
    """Stands for the result of one job, or of several."""

    ids: tuple[str, ...]
    many: bool = False

    def __nbqueue_output__(self) -> StandIn:
        return StandIn(job_ids=self.ids, many=self.many)


ONE, OTHER, BOTH = Handle(("a",)), Handle(("b",)), Handle(("a", "b"), many=True)
VALUES = {"a": Input(codec.dump_value([1])), "b": Input(b'{"x": 2}', "json")}


def there(fn: Any, *args: Any, plain: bool = False, **kwargs: Any) -> tuple[Any, list[str]]:
    """Function and arguments after they travelled, and the ids that were met on the way."""
    takes: list[StandIn] = []
    payload = codec.dump_call(fn, args, kwargs, takes)
    loaded = codec.load_call(payload, plain=plain, inputs=VALUES)
    return loaded, [job_id for each in takes for job_id in each.job_ids]


def test_a_handle_becomes_the_value() -> None:
    """Wherever it stands in the arguments; JSON results too; each id is told as often as it was met."""
    (_, args, kwargs), ids = there(print, ONE, [{"k": OTHER}], x=(BOTH,))
    assert (args, kwargs) == (([1], [{"k": {"x": 2}}]), {"x": ([[1], {"x": 2}],)})
    assert ids == ["a", "b", "a", "b"]


def test_one_job_is_one_object() -> None:
    """In the function and in the arguments, by itself and in a group."""
    kept: Any = Handle(("a",))

    def closure() -> Any:
        return kept

    takes: list[StandIn] = []
    function = codec.dump_function(closure, takes)
    payload = codec.join_call(function, codec.dump_arguments((ONE, BOTH, BOTH), {}, closure, takes))
    fn, args, _ = codec.load_call(payload, inputs=VALUES)
    assert fn() is args[0] is args[1][0]
    assert args[1] is args[2]
    assert [each.job_ids for each in takes] == [("a",), ("a",), ("a", "b")]


@pytest.mark.parametrize("plain", [True, False])
def test_a_group_without_jobs_is_an_empty_list(*, plain: bool) -> None:
    """There is nothing to wait for or to hand over."""
    takes: list[StandIn] = []
    payload = codec.dump_call("f", (Handle((), many=True),), {}, takes)
    assert codec.load_call(payload, plain=plain) == ("f", ([],), {})


def test_a_handle_outside_of_a_call_is_itself() -> None:
    """Values, and calls whose handles nobody collects, are pickled as ever."""
    assert codec.load_value(codec.dump_value([ONE])) == [ONE]
    assert codec.load_call(codec.dump_call(print, (ONE,), {}))[1] == (ONE,)


def test_a_problem_becomes_an_error_object() -> None:
    """It is not raised: the function gets it in the value's place."""
    problem = Problem("ValueError", "no such plan", "Traceback ...")
    payload = codec.dump_call("f", (ONE,), {}, [])
    _, [error], _ = codec.load_call(payload, inputs={"a": Input(problem=problem)}, plain=True)
    assert (type(error), str(error), error.error_type) == (JobFailed, "ValueError: no such plan", "ValueError")
    assert (error.job_id, error.remote_traceback) == ("a", "Traceback ...")


def test_plain_calls_take_plain_values() -> None:
    """What stands for a result may be named in a plain call, and nowhere else; the value itself must be plain."""
    assert there("f", ONE, plain=True)[0] == ("f", ([1],), {})
    payload = codec.dump_call("f", (ONE,), {}, [])
    with pytest.raises(NotSendable, match=r"result of job a cannot be taken.*plain data only"):
        codec.load_call(payload, plain=True, inputs={"a": Input(codec.dump_value(ValueError("x")))})
    with pytest.raises(plain_pickle.NotPlain, match=r"nbqueue\.broker\.inputs\.take"):
        plain_pickle.loads(pickle.dumps(take))
    with pytest.raises(plain_pickle.NotPlain, match=r"nbqueue\.broker\.inputs\.Inputs"):
        plain_pickle.loads(b"\x80\x05\x8c\x15nbqueue.broker.inputs\x8c\x06Inputs\x93.", taking=True)


@pytest.mark.parametrize("state", [b"}X\x01\x00\x00\x00xK\x01s", b"N}X\x01\x00\x00\x00xK\x01s\x86"])
def test_no_pickle_changes_what_stands_for_a_result(state: bytes) -> None:
    """It has no place that a pickle could write to."""
    with pytest.raises((AttributeError, TypeError)):
        plain_pickle.loads(b"\x80\x05\x8c\x15nbqueue.broker.inputs\x8c\x04take\x93" + state + b"b.", taking=True)


@pytest.mark.parametrize("wanted", ["c", ("a", "c"), 3, ["a"], "x" * 1000])
def test_what_was_not_handed_over_is_refused(wanted: object) -> None:
    """A call takes what its signed header names, and nothing else."""
    payload = codec.join_call(codec.dump_function("f"), pickle.dumps(((_Takes(wanted),), {})))
    for inputs in (VALUES, {}):
        with pytest.raises(NotSendable, match="It takes the result of job"):
            codec.load_call(payload, inputs=inputs)


def test_a_value_takes_nothing_itself() -> None:
    """A result that names another one is no way to what its job was not given."""
    for blob in (pickle.dumps(_Takes("b")), pickle.dumps([_Takes(("a", "b"))])):
        with pytest.raises(NotSendable, match="which only the call of a job can do"):
            codec.load_value(blob)
        payload = codec.dump_call("f", (ONE, OTHER), {}, [])
        with pytest.raises(NotSendable, match="which only the call of a job can do"):
            codec.load_call(payload, inputs={**VALUES, "a": Input(blob)})


class _Takes:
    """Is pickled as what stands for a result."""

    def __init__(self, wanted: object) -> None:
        self._wanted = wanted

    def __reduce__(self) -> tuple[Any, ...]:
        return take, (self._wanted,)
