"""The first submit from a shell, on a machine where nothing runs yet."""

import pytest

from tests.cli.commands import run

HINT = (
    'nbqueue: no worker serves queue "default": start one with nbqueue worker --queues default MODULE, '
    "where MODULE has the function\n"
)


@pytest.mark.parametrize("words", [("submit", "add", "1"), ("map", "add", "1", "2")], ids=lambda words: words[0])
def test_a_job_that_nobody_will_run_is_told_of(words: tuple[str, ...]) -> None:
    """It is taken, and beside its id stands that a worker with the function has to be started."""
    try:
        found = run(*words)
        assert (found.exit_code, len(found.stdout.strip()), found.stderr) == (0, 20, HINT)
    finally:
        run("down")
