"""signing-key: a team's keys are made, rotated, taken to other machines and removed."""

import json
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbqueue import options, submit
from nbqueue.broker.key_file import new_key, read, replace, text
from nbqueue.broker.keys import Keys
from nbqueue.cli import main
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from tests.cli.commands import run
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

COPIES = (
    "Machines with a copy of this file need it, too: what is signed with it waits for workers that have it (export, "
    "import).\n"
)


@pytest.fixture
def key_file(home: Path) -> Path:
    """Where the key of this test's settings is."""
    return home / "signing.key"


def verb(*words: str) -> str:
    """What a verb prints when all is well."""
    found = run("signing-key", *words)
    note = COPIES if words[0] == "rotate" else ""
    assert (found.exit_code, found.stderr) == (0, note)
    return found.stdout


def refused(*words: str) -> str:
    """What a verb says that is refused for wrong usage."""
    found = run("signing-key", *words)
    assert (found.exit_code, found.stdout) == (2, "")
    return found.stderr


def imported(given: str, path: Path) -> str:
    """What `import` prints."""
    found = CliRunner().invoke(main, ["signing-key", "import", "--key-file", str(path)], input=given)
    assert found.exit_code == 0, found.output
    return found.stdout


def ids(path: Path) -> list[str]:
    """The ids in a key file, in their order."""
    return list(read(path))


def test_new_makes_a_private_file(key_file: Path) -> None:
    """Where there is no key, `new` makes one that signs."""
    assert verb("new") == f"Key {ids(key_file)[0]} signs from now on: {key_file}.\n"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert json.loads(verb("--json")) == [{"id": ids(key_file)[0], "signs": True}]


def test_rotation_in_two_steps_is_for_machines_with_copies(key_file: Path, tmp_path: Path) -> None:
    """A new key is accepted first, taken to the other machine, and signs only then; there as here."""
    verb("new")
    [old] = ids(key_file)
    told = verb("new")
    _, new = ids(key_file)
    assert f"nbqueue signing-key rotate --to {new}" in told
    other = tmp_path / "other.key"
    assert imported(verb("export"), other) == f"{other}: key {old} signs from now on; still accepted: {new}.\n"
    assert (ids(other), stat.S_IMODE(other.stat().st_mode)) == ([old, new], 0o600)
    assert verb("rotate", "--to", new) == f"Key {new} signs from now on; still accepted: {old}.\n"
    imported(verb("export"), other)
    assert (ids(other), read(other)) == ([new, old], read(key_file))
    assert re.sub(" +", " ", verb("list")) == f"KEY IS\n{new} signing\n{old} accepted\n"


def test_rotate_makes_a_key_that_signs(key_file: Path) -> None:
    """Those before it stay, in their order."""
    verb("new")
    verb("rotate")
    first, second = ids(key_file)
    verb("rotate")
    assert ids(key_file)[1:] == [first, second]


def test_a_rotation_that_is_killed_changes_nothing(key_file: Path) -> None:
    """Its file is the one before, to its last byte, and the next rotation goes through."""
    verb("new")
    before = key_file.read_bytes()
    killed = "import os, pathlib, signal, sys; pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
    command = [sys.executable, "-c", f"{killed}from nbqueue.cli import main; main(['signing-key', 'rotate'])"]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert key_file.read_bytes() == before
    verb("rotate")
    assert len(ids(key_file)) == 2


def test_an_import_keeps_keys_of_ones_own(key_file: Path) -> None:
    """A key that only the importing machine has stays accepted there; a wrong text changes nothing."""
    own, given = new_key(), new_key()
    verb("new")
    replace(key_file, own)
    imported(text(given), key_file)
    assert read(key_file) == {**given, **own}
    for wrong in ("", "a S3cr3t", f"{next(iter(own))} {'0' * 64}"):
        found = CliRunner().invoke(main, ["signing-key", "import"], input=wrong)
        assert (found.exit_code, "S3cr3t" in found.output) == (2, False)
    assert read(key_file) == {**given, **own}


def test_what_cannot_be_done_is_refused(key_file: Path) -> None:
    """No file, an unknown key, the one that signs: a sentence says what to do."""
    assert f"There is no signing key {key_file}: check the path; bring the team's key there" in refused("list")
    assert f"There is no signing key {key_file}: check the path; bring the team's key there" in refused("export")
    verb("new")
    assert f"has no key 'x': it has {ids(key_file)[0]}" in refused("rotate", "--to", "x")
    assert "let another one do so before" in refused("remove", ids(key_file)[0])
    verb("rotate")
    assert "the server cannot be asked what is signed with it" in refused("remove", ids(key_file)[1])
    forced = run("signing-key", "remove", "--force", ids(key_file)[1])
    assert (forced.exit_code, "may go on waiting for workers that have it" in forced.stderr) == (0, True)
    assert len(ids(key_file)) == 1


@pytest.fixture
def submitting(settings: Settings) -> Iterator[None]:
    """The client of this process, with the test's key."""
    configure(settings)
    yield
    shutdown()


@pytest.mark.usefixtures("submitting")
def test_a_key_that_is_needed_stays(server: Server, key_file: Path) -> None:
    """While jobs on the server are signed with it, a key is not removed; then it is, and the next one counts there."""
    job = submit(len, "abc").wait(5)
    [old] = ids(key_file)
    verb("rotate")
    told = refused("remove", old, "--url", server.url)
    assert f"Key {old} stays: 1 of the jobs that wait or run on the server are signed with it. What waits or" in told
    assert "is kept for" not in told
    assert job.cancel().wait(5) == "cancelled"
    assert run("delete", job.id, "--url", server.url).exit_code == 0
    assert verb("remove", old, "--url", server.url) == f"Key {old} is accepted no longer.\n"
    with server.client() as client:
        assert str(client.get(Keys().mark)).startswith(f"b'NBQ1 {ids(key_file)[0]} ")


@pytest.mark.usefixtures("submitting")
def test_what_keeps_a_key_of_ended_jobs_is_said(settings: Settings, server: Server, key_file: Path) -> None:
    """Of what has ended it is said for how long it is kept, and what forgets it now; then the key goes."""
    with running_worker(settings, "--slots", "1"):
        assert submit(len, "abc").wait(5).wait(20) == 3
        failed = submit(int, "x").wait(5)
        wait_until(lambda: failed.state().wait(5) == "failed", 20)
    [old] = ids(key_file)
    verb("rotate")
    told = refused("remove", old, "--url", server.url)
    assert f"Key {old} stays: 1 of the jobs that have ended, 2 of the results on the server are signed with it." in told
    assert re.search(r"The rest is kept for \d+ (d|h|min) .*at most; `nbqueue clear QUEUE --state failed --state", told)
    assert "What waits" not in told
    run("clear", "default", "--state", "failed", "--state", "succeeded", "--url", server.url)
    assert verb("remove", old, "--url", server.url) == f"Key {old} is accepted no longer.\n"


@pytest.mark.usefixtures("submitting")
def test_word_that_is_still_to_be_left_keeps_a_key(server: Server, key_file: Path) -> None:
    """Until it was sent, or with its job deleted."""
    job = options(on_done="https://hooks.example/done").submit(len, "abc").wait(5)
    assert job.cancel().wait(5) == "cancelled"
    [old] = ids(key_file)
    verb("rotate")
    told = refused("remove", old, "--url", server.url)
    assert f"Key {old} stays: 1 of the messages to webhooks, 1 of the jobs that have ended on the server" in told
    assert "What waits or runs keeps it until its end" in told
    assert run("delete", job.id, "--url", server.url).exit_code == 0
    assert verb("remove", old, "--url", server.url) == f"Key {old} is accepted no longer.\n"
