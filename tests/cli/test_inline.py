"""Commands and `inline:`: they are other processes than the one whose jobs are meant."""

import pytest

from tests.cli.commands import run


@pytest.mark.parametrize("words", [("jobs",), ("submit", "greet"), ("worker",), ("history",), ("logs", "some-id")])
def test_a_command_says_that_it_cannot_look_inside(words: tuple[str, ...]) -> None:
    """No command starts or reads a store that nobody else could see; it ends with 2."""
    found = run(*words, "--url", "inline:")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "inline: is within the process that submits its jobs, and this command is another one" in found.stderr


def test_a_submit_from_the_shell_does_not_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job would end with the command: where no server is, that is the error, and inline is not offered."""
    monkeypatch.setenv("NBQUEUE_FALLBACK", "inline")
    monkeypatch.setenv("NBQUEUE_CONNECT_TIMEOUT_S", "0.3")
    found = run("submit", "greet", "--url", "unix:///nowhere/s")
    assert found.exit_code != 0
    assert "cannot be reached" in found.stderr
    assert "NBQUEUE_FALLBACK=inline is for notebooks and scripts: a job in this process would end" in found.stderr
    assert "inline:" not in found.stderr
