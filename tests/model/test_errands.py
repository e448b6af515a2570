"""A form says of jobs what their submit needs, as plain JSON, and is checked when it is read."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.errands import Form
from nbqueue.model.options import Options, check
from nbqueue.model.retry import RetryPolicy

ALL = check(
    queue="nightly", priority=-7, delay=3, at=datetime.now(UTC) + timedelta(days=1), expires=60, timeout=5.5, grace=1,
    retry=RetryPolicy(max_tries=4, on=(ValueError,)), run_in="thread", isolation="fresh", memory="2GB", keep_result=7,
    keep_error=8, tags=["a", "b"], label="Überschrift",
)  # fmt: skip
FORM = Form(
    options=ALL,
    function="solve",
    lane=1,
    by_name=True,
    group="group-1",
    size=7,
    retry_of="job-1",
    earlier=("job-0",),
    family="ortools",
)


WAITS = check(after=["a", "b"], on_parent_failure="run", resources={"gpu": 1}, limit_key="key", rate="20/min",
              labels=["site=berlin"], concurrency=3, batch=4, cache=60, force=True)  # fmt: skip
SOLVER = check(preset="solver", isolation="pool", priority=7)
FORMS = [
    FORM, *(Form(options=each, function="f", lane=0) for each in (
        Options(), WAITS, SOLVER, check(preset="evaluation", priority=-5), check(unique=5), check(debounce=6),
        check(on_done="https://example.org/done"),
    )),
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_read_as_it_was_written(form: Form) -> None:
    """All options travel, whatever their kind."""
    assert Form.from_wire(json.loads(json.dumps(form.to_wire()))) == form


def test_no_option_is_forgotten() -> None:
    """Each field of the options is in one of the forms above, but for the job's own id."""
    written = {name for form in FORMS for name in form.to_wire()["options"]}
    assert written == set(Options.__dataclass_fields__) - {"job_id"}


def test_jobs_of_a_job_go_one_step_before_it() -> None:
    """One more than the priority of the job that submits, and not beyond the highest."""
    form = Form(options=Options(), function="f", lane=0)
    assert [form.after(priority).options.priority for priority in (-99, 0, 98, 99)] == [-98, 1, 99, 99]


@pytest.mark.parametrize(
    "change",
    [
        {"lane": 2}, {"lane": True}, {"by_name": "yes"}, {"function": "x" * 201}, {"function": 7}, {"group": "a b"},
        {"group": None}, {"retry_of": "\n"}, {"ns": "theirs"}, {"options": []}, {"options": {"job_id": "a"}},
        {"options": {"queue": "a:b"}}, {"options": {"retry": {}}}, {"options": {"at": "now"}},
        {"options": {"unknown": 1}}, {"earlier": "job-1"}, {"earlier": ["a b"]}, {"earlier": ["a"] * 21},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_form_is_refused(change: dict[str, Any]) -> None:
    """A field that is wrong, missing or too many raises what a broken frame raises."""
    with pytest.raises((ValueError, TypeError, KeyError)):
        Form.from_wire({**FORM.to_wire(), **change})


def test_the_sentence_of_a_wrong_option_is_kept() -> None:
    """It says what is wrong."""
    with pytest.raises(ConfigurationError, match="priority"):
        Form.from_wire({**FORM.to_wire(), "options": {"priority": 1000}})
