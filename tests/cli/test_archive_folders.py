"""The folder of an archive: refused where it cannot be one, and there from the first time on."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.servers import Server


@pytest.mark.parametrize("words", [("history", "archive"), ("worker", "--archive")])
def test_a_wrong_folder_is_refused_at_once(server: Server, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A file, or what cannot be made: not only on the day when something is to be put there."""
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        found = run(*words, str(tmp_path / place), "--url", server.url, "--home", str(tmp_path))
        assert found.exit_code == 2, found.output
        assert place in found.stderr.replace("\n", "")


def test_a_new_archive_can_be_read_at_once(server: Server, tmp_path: Path) -> None:
    """Also before anything was moved there."""
    assert run("history", "archive", str(tmp_path / "new"), "--url", server.url).exit_code == 0
    assert json.loads(run("history", "--archive", str(tmp_path / "new"), "--json", "--url", server.url).stdout) == []
