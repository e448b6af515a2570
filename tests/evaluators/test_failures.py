"""What items failed with, in a few words."""

import pytest

from nbqueue.evaluators.failures import Failures


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([], ""),
        (["KeyError: 'x'"], "1 failed with KeyError: 'x'"),
        (["KeyError: 'x'", "KeyError: 'x'"], "2 failed, all with KeyError: 'x'"),
        (["KeyError: 'x'", "KeyError: 'y'"], "2 failed, all with KeyError, such as 'x'"),
        (["KeyError: 'x'", "OSError: y", "KeyError: 'z'"], "3 failed, 2 of them with KeyError, such as 'x'"),
        (["KeyError: 'x'", "OSError"], "2 failed, 1 of them with KeyError: 'x'"),
        (
            ["scorer exact: KeyError: 1", "scorer exact: KeyError: 2"],
            "2 failed, all with scorer exact: KeyError, such as 1",
        ),
    ],
)
def test_the_most_frequent_error_is_named(errors: list[str], words: str) -> None:
    """Where each says something else, it is their type, with an example."""
    assert str(Failures(errors)) == words
