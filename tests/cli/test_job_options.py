"""The options of a job on the command line."""

from nbqueue.cli.job_options import read


def test_zero_is_given() -> None:
    """A number of 0 counts as given; what was not given is left out."""
    given = {"delay": 0.0, "keep_result": 0.0, "timeout": None, "tags": (), "force": False, "concurrency": 2}
    assert read(given) == {"delay": 0.0, "keep_result": 0.0, "concurrency": 2}
