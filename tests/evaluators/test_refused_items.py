"""`evaluate`: what cannot be meant is refused before anything is submitted."""

from functools import partial
from typing import Any

import pytest

import nbqueue
from nbqueue.errors import ConfigurationError
from nbqueue.evaluators import evaluate
from tests.evaluators.service import doubled, exact

pytestmark = pytest.mark.usefixtures("connected")


class Judge:
    """An object that is called with too little."""

    def __call__(self, output: int) -> bool:
        """Judges."""
        return bool(output)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rate": "often"}, "rate='often' cannot be read"),
        ({"concurrency": 0}, "concurrency=0 cannot be used: give a whole number"),
        ({"retries": -1}, "retries=-1 cannot be used: give a whole number from 0 to 999."),
        ({"max_errors": "5"}, "max_errors='5' cannot be used: give a whole number"),
        ({"item_timeout": 0}, "item_timeout=0 is out of range"),
        ({"job_id": "x"}, "evaluate does not take 'job_id': its options are scorers, concurrency, rate, "),
        (
            {"options": {"queue": "x"}},
            "evaluate takes the options of its jobs as they are, and not in options=: queue=",
        ),
        ({"after": ["x"]}, "max_errors, name, resume, fresh, queue, priority, expires, "),
        ({"n_jobs": 4}, "evaluate does not take 'n_jobs': it is called concurrency= here."),
        ({"max_retries": 4}, "evaluate does not take 'max_retries': it is called retries= here."),
        ({"time_limit": 4}, "evaluate does not take 'time_limit': it is called timeout= here."),
        ({"prioritty": "high"}, "evaluate does not take 'prioritty': did you mean priority=?"),
        ({"queue": ""}, "queue='' cannot be used"),
    ],
)
async def test_what_cannot_be_meant_is_refused_at_once(given: dict[str, Any], sentence: str) -> None:
    """Before anything is submitted, in one sentence."""
    with pytest.raises(ConfigurationError) as refused:
        evaluate([1], doubled, exact, **given)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("task", "scorers", "sentence"),
    [
        ("doubled", exact, "task='doubled' cannot be called: give a function of an item."),
        (lambda: 1, exact, "task cannot be used, give a function of an item: "),
        (doubled, lambda output: output, "scorers cannot be used, give a function of an output and a target"),
        (
            nbqueue.task(name="evaluated")(lambda left, right: left + right),
            exact,
            "task cannot be used, give a function of an item: ",
        ),
        (doubled, "exact", "scorers='exact' cannot be called: give a function of an output and a target"),
        (doubled, {"exact": 5}, "scorers=5 cannot be called: give a function of an output and a target"),
        (doubled, [exact, partial(exact, 1, 2)], "scorers cannot be used, give a function of an output and a target"),
        (doubled, Judge(), "It takes (output)."),
    ],
)
def test_functions_that_cannot_be_called_so_are_refused_at_once(task: Any, scorers: Any, sentence: str) -> None:
    """Before anything is submitted: not item by item."""
    with pytest.raises(ConfigurationError) as refused:
        evaluate([1], task, scorers)
    assert sentence in str(refused.value)
