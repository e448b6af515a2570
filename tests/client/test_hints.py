"""Names that handles have in other libraries: each leads to what is written here, and nothing else is disturbed."""

import asyncio
import copy
import pickle
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest
from pandas.api.types import is_list_like

import nbqueue
from nbqueue.client.group import JobGroup
from nbqueue.client.handle import Job
from nbqueue.client.hints import OF_GROUP, OF_JOB, OF_PACKAGE
from nbqueue.client.pending import Pending
from nbqueue.client.session import session
from nbqueue.client.submitter import options, submit
from nbqueue.errors import ConfigurationError
from nbqueue.evaluators.data_set import read
from nbqueue.executor import Executor
from tests.client.engine_stub import Engine

#: what IPython, pickle, copy, pandas and asyncio look for
PROBED = (
    "_ipython_canary_method_should_not_exist_", "_repr_html_", "_repr_mimebundle_", "_repr_pretty_",
    "__array__", "__array_interface__", "__dataframe__", "__len__", "__iter__", "__getitem__", "__next__", "__aiter__",
    "_asyncio_future_blocking", "__deepcopy__", "__setstate__", "__wrapped__", "shape", "dtype",
)  # fmt: skip


@pytest.fixture
def handles() -> dict[str, Any]:
    """A job and a group that nobody has submitted."""
    job: Job[int] = Job("j", of=session())
    answered: Future[Job[int]] = Future()
    answered.set_result(job)
    pending: Pending[Job[int]] = Pending(answered, what="the submit of f")
    return {"job": job, "group": JobGroup("g", [job], of=session()), "pending": pending}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("result", "A Job has no 'result': await job, or call job.wait(), for its result."),
        ("get", "A Job has no 'get': await job, or call job.wait(), for its result."),
        ("status", "A Job has no 'status': await job.state() says where it stands."),
        ("done", "A Job has no 'done': await job.state() says where it stands."),
        ("args", "A Job has no 'args': keep its arguments where you submit it."),
        ("meta", "A Job has no 'meta': give options(tags=[...]) when you submit it."),
        ("wait_for", "A Job has no 'wait_for': await job, or call job.wait(timeout) in sync code."),
        ("revoke", "A Job has no 'revoke': await job.cancel() stops it."),
        ("nosuch", "'Job' object has no attribute 'nosuch'"),
    ],
)
def test_a_familiar_name_leads_to_what_is_written_here(handles: dict[str, Any], name: str, said: str) -> None:
    """As an AttributeError, which knows its object and name."""
    with pytest.raises(AttributeError) as caught:
        getattr(handles["job"], name)
    assert (str(caught.value), caught.value.name, caught.value.obj) == (said, name, handles["job"])


def test_a_group_has_hints_of_its_own(handles: dict[str, Any]) -> None:
    """Its results come in other ways."""
    with pytest.raises(
        AttributeError, match=r"^A JobGroup has no 'get': await group, or call group\.wait\(\), for all "
    ):
        handles["group"].get()


def test_hints_are_for_what_there_is_not(handles: dict[str, Any]) -> None:
    """Each hint is of a name that the handle has not, and `hasattr` says so."""
    found = {kind: [name for name in hints if hasattr(handles[kind], name)]
             for kind, hints in (("job", OF_JOB), ("group", OF_GROUP))}  # fmt: skip
    assert found == {"job": [], "group": []}


def test_what_programs_look_for_is_not_there(handles: dict[str, Any]) -> None:
    """Neither with a hint nor without."""
    job = handles["job"]
    found = [(kind, name) for kind in ("job", "pending") for name in PROBED if hasattr(handles[kind], name)]
    said = [str(error.value) for name in PROBED[:3] for error in [_error(job, name)]]
    assert found == []
    assert said == [f"'Job' object has no attribute {name!r}" for name in PROBED[:3]]


def _error(of: object, name: str) -> pytest.ExceptionInfo[AttributeError]:
    with pytest.raises(AttributeError) as caught:
        getattr(of, name)
    return caught


def test_handles_are_pickled_copied_and_true(handles: dict[str, Any]) -> None:
    """As before there were hints."""
    job = handles["job"]
    assert [pickle.loads(pickle.dumps(job)), copy.copy(job), copy.deepcopy(job)] == [job] * 3
    assert bool(job)


def test_a_length_is_asked_of_what_comes_later() -> None:
    """`len` and `for` of what was not awaited say so; `if` does not mind."""
    pending = submit(abs, -1)
    for asked, kind in ((pending, "Pending"), (pending.wait(), "Job")):
        with pytest.raises(TypeError, match=rf"^A {kind} has no length: await "):
            len(asked)  # type: ignore[arg-type]
        assert not hasattr(asked, "__len__")
        assert asked
    with pytest.raises(
        TypeError, match=r"^A Pending cannot be iterated over: await it, or call \.wait\(\), and iterate"
    ):
        list(pending)  # type: ignore[call-overload]
    with pytest.raises(
        AttributeError, match=r"^A Pending has no 'result': await it, or call \.wait\(\), to get the job"
    ):
        pending.result()  # type: ignore[attr-defined]


def test_what_comes_later_is_no_iterable(handles: dict[str, Any]) -> None:
    """Whoever asks first gives the error of its own; pandas and numpy take it for one thing."""
    pending = handles["pending"]
    assert not isinstance(pending, Iterable)
    with pytest.raises(ConfigurationError, match=r"^after holds <Pending: the submit of f, .*: await it first"):
        options(after=pending).submit(abs, 1)
    with pytest.raises(ConfigurationError, match=r"^items=<Pending: .* cannot be evaluated: give a list"):
        read(pending)
    assert (is_list_like(pending), np.asarray([pending]).tolist()) == (False, [pending])
    assert pending.wait() == handles["job"]


async def test_the_future_of_an_executor_can_be_awaited(running_engine: Engine) -> None:
    """As `asyncio.wrap_future` of it: it gives the value, or raises the function's own error."""
    del running_engine
    with Executor() as executor:
        assert await executor.submit(abs, -3) == 3
        assert await asyncio.gather(*(executor.submit(abs, -number) for number in range(3))) == [0, 1, 2]
        with pytest.raises(TypeError, match="bad operand"):
            await executor.submit(abs, "no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "map",
            "module 'nbqueue' has no attribute 'map': await nbqueue.submit_map(fn, items) makes a job of each item.",
        ),
        ("delay", "module 'nbqueue' has no attribute 'delay': await nbqueue.submit(fn, ...) makes a job."),
        ("Executor", "module 'nbqueue' has no attribute 'Executor': it is nbqueue.executor.Executor."),
        ("nosuch", "module 'nbqueue' has no attribute 'nosuch'"),
    ],
)
def test_the_package_knows_names_of_other_packages(name: str, said: str) -> None:
    """They lead to its own, and it has none of them."""
    with pytest.raises(AttributeError) as caught:
        getattr(nbqueue, name)
    assert (str(caught.value), hasattr(nbqueue, name)) == (said, False)


def test_no_hint_hides_a_name() -> None:
    """What the package has is not in the table of what it has not."""
    assert sorted(OF_PACKAGE.keys() & {*nbqueue.__all__, "charts"}) == []
