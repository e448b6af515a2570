"""Handles as arguments: which jobs a draft takes the results of, and what is refused before it is sent."""

import pickle
from pathlib import Path

import pytest

from nbqueue import Job, JobGroup, configure, options, submit, submit_map
from nbqueue.broker.envelope import peek
from nbqueue.client import outputs
from nbqueue.client.draft import Draft
from nbqueue.client.session import session
from nbqueue.client.submission import draft_many, draft_one
from nbqueue.errors import ConfigurationError, NotSendable, PayloadTooLarge
from nbqueue.model.output import StandIn
from nbqueue.model.settings import Settings
from tests.client.engine_stub import Engine


def drafted(*args: object, **options: object) -> Draft:
    """The draft of a call with these arguments."""
    return draft_one(session().settings, print, args, {}, options)


def group(*ids: str) -> JobGroup[int]:
    """A group of these jobs."""
    return JobGroup("g", [Job[int](each) for each in ids], of=session())


def test_a_draft_knows_its_parents() -> None:
    """In the order in which they were met, each once, a group by its jobs; its signed header lists them."""
    a, b = Job[int]("a"), Job[int]("b")
    draft = drafted(b, [a.output, {"k": b.output}], group("c", "a"))
    assert draft.parents == ("b", "a", "c")
    header = draft.order.header("")
    assert peek(draft.sealed(session().keyring, header))["inputs"] == ["b", "a", "c"]
    assert "inputs" not in peek(drafted(1).sealed(session().keyring, header))


def test_each_item_has_its_own_parents() -> None:
    """What the function takes along belongs to all of them."""
    shared = Job[int]("shared")

    def add(number: int) -> object:
        return number, shared

    items = [(Job[int]("a"),), (2,), (group("c", "shared"),)]
    drafts = draft_many(session().settings, add, items, {})
    assert [draft.parents for draft in drafts] == [("shared", "a"), ("shared",), ("shared", "c")]
    assert (drafts[-1].parents, [draft.job_id for draft in drafts[1:]]) == (
        ("shared", "c"),
        [drafts[1].job_id, drafts[2].job_id],
    )


def test_jobs_of_elsewhere_are_refused(home: Path) -> None:
    """The worker could not find the result of a job of another namespace or server."""
    job, none = Job[int]("a"), group()
    configure(Settings(url="unix:///elsewhere", home=home))
    with pytest.raises(ConfigurationError, match="The result of job a cannot be taken here: it belongs to another"):
        drafted(job)
    assert drafted(none).parents == ()


def test_a_job_cannot_wait_for_itself() -> None:
    """Its own id among those it takes from would never end."""
    with pytest.raises(ConfigurationError, match='job_id="a" cannot be used'):
        drafted(Job[int]("a"), job_id="a")


def test_too_many_are_refused() -> None:
    """The header that names them has a limit; the sentence says what to do."""
    here = session().settings
    few = StandIn(job_ids=tuple(f"{number:020}" for number in range(39_000)), many=True, place=outputs.place(here))
    assert len(outputs.parents(here, [few])) == 39_000
    many = StandIn(job_ids=tuple(f"{number:020}" for number in range(40_000)), many=True, place=outputs.place(here))
    with pytest.raises(PayloadTooLarge, match=r"the results of 40,000 others: .* Gather them in several jobs first"):
        outputs.parents(here, [many])


def test_what_stands_for_a_result_says_what_it_is() -> None:
    """It has no values yet; outside of a call it is pickled with its handle."""
    job = Job[int]("a")
    output: object = job.output
    assert repr(output) == f"<the result of {job!r}>"
    with pytest.raises(AttributeError, match=r"has no 'real': it becomes the result as an argument of another job"):
        _ = job.output.real
    assert pickle.loads(pickle.dumps(job)) == job
    assert repr(pickle.loads(pickle.dumps(output))) == repr(output)


def test_what_is_not_awaited_is_refused(running_engine: Engine) -> None:
    """A Pending has no id yet."""
    del running_engine
    pending = submit(abs, -1)
    with pytest.raises(NotSendable, match=r"^The submit of abs is under way, and cannot be sent: await it"):
        drafted(pending)
    pending.wait(5)


def test_a_retry_takes_the_same_results() -> None:
    """From the store as well as from the handle that submitted it."""
    parent = submit_map(abs, [-1, -2]).wait(5)
    child = options(queue="nobody").submit(sum, parent.output).wait(5)
    assert child.cancel().wait(5) == "cancelled"
    for handle in (child, Job[int](child.id)):
        again = handle.retry().wait(5)
        assert again._draft is not None
        assert again._draft.parents == parent.ids
