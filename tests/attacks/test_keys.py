"""Who has another key than the others: told at once, and no job is taken from those who could run it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nbqueue import ConfigurationError, attach, run, submit, submit_map
from nbqueue.broker.envelope import key_id_of
from nbqueue.broker.key_file import new_key_line
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.client.portal import shutdown
from nbqueue.client.session import configure
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks.rotations import key_file
from tests.cli.commands import run as cli
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker, start_worker

START_S = 20.0


@pytest.fixture
def use(settings: Settings) -> Iterator[Callable[[Path], Settings]]:
    """Lets the client of this process go on with another key file."""
    yield lambda key_file: configure(replace(settings, key_file=key_file))
    shutdown()


def test_a_worker_with_another_key_takes_no_job(
    settings: Settings, tmp_path: Path, use: Callable[[Path], Settings]
) -> None:
    """It ends with code 2 and one sentence that names both keys and the setting; the job waits, and runs elsewhere."""
    ours, theirs = key_file(tmp_path, "ours", new_key_line()), key_file(tmp_path, "theirs", new_key_line())
    use(ours)
    job = submit(len, "abc").wait(5)
    wrong = start_worker(replace(settings, key_file=theirs), "--slots", "1")
    try:
        assert wrong.exit_code(START_S) == 2
    finally:
        wrong.kill()
    told = (
        f"The jobs on this server are signed with key {Keyring.load(ours).ids[0]}, and the key here is "
        f"{Keyring.load(theirs).ids[0]}: use the same key file on both sides (NBQUEUE_KEY_FILE)."
    )
    assert wrong.log.count(told) == 1
    assert "Traceback" not in wrong.log
    assert job.info().wait(5).state is State.QUEUED
    with running_worker(replace(settings, key_file=ours), "--slots", "1"):
        assert job.wait(10) == 3


def test_a_client_with_another_key_is_told_at_its_first_submit(
    settings: Settings, tmp_path: Path, use: Callable[[Path], Settings], server: Server
) -> None:
    """Where a worker came first, a client whose key does not fit is refused, and nothing is stored."""
    ours, theirs = key_file(tmp_path, "ours", new_key_line()), key_file(tmp_path, "theirs", new_key_line())
    with running_worker(replace(settings, key_file=ours), "--slots", "1"):
        use(theirs)
        with pytest.raises(ConfigurationError, match="use the same key file on both sides"):
            submit(len, "abc").wait(5)
        with server.client() as client:
            assert client.zcard(Keys().queue("default")) == 0
        shutdown()
        use(ours)
        assert run(len, "abc").wait(10) == 3


def test_a_rotated_key_is_accepted(settings: Settings, tmp_path: Path, use: Callable[[Path], Settings]) -> None:
    """A new key before the old one: of 1,000 jobs that wait none is lost, and from then on the new key counts."""
    old, new = new_key_line(), new_key_line()
    use(key_file(tmp_path, "old", old))
    queued = list(submit_map(len, ["abc"] * 1000).wait(10))
    both = key_file(tmp_path, "both", new, old)
    shutdown()
    use(both)
    with running_worker(replace(settings, key_file=both), "--slots", "1"):
        assert sum(attach(job.id).wait(5).wait(20) for job in queued) == 3000
        assert run(len, "abcd").wait(10) == 4
        shutdown()
        use(key_file(tmp_path, "new", new))
        assert run(len, "abcde").wait(10) == 5
    shutdown()
    use(tmp_path / "old")
    with pytest.raises(ConfigurationError, match=f"signed with key {new.split()[0]}"):
        submit(len, "abc").wait(5)


def test_a_rotation_in_flight_loses_nothing(
    settings: Settings, tmp_path: Path, use: Callable[[Path], Settings], server: Server
) -> None:
    """Amid 1,000 jobs `signing-key rotate` takes hold of the running worker and notebook, and none fails."""
    keys = key_file(tmp_path, "keys", new_key_line())
    [old] = Keyring.load(keys).ids
    use(keys)
    with running_worker(replace(settings, key_file=keys), "--slots", "1"):
        before = submit_map(len, ["abc"] * 500).wait(10)
        assert cli("signing-key", "rotate", "--key-file", str(keys)).exit_code == 0
        new = Keyring.load(keys).ids[0]
        wait_until(lambda: _signed_with(submit(len, "abc").wait(5).id, server) == new)
        after = submit_map(len, ["abc"] * 500).wait(10)
        assert sum(before.wait(30)) + sum(after.wait(30)) == 3000
        assert cli("signing-key", "remove", old, "--force", "--key-file", str(keys), "--url", server.url).exit_code == 0
        assert run(len, "abcd").wait(10) == 4
    assert Keyring.load(keys).ids == (new,)


def _signed_with(job_id: str, server: Server) -> str | None:
    """The key of a job's submission; None once it has ended."""
    with server.client() as client:
        found = client.get(Keys().submission(job_id))
    return key_id_of(found) if isinstance(found, bytes) else None


@pytest.mark.parametrize("nonsense", [b"", b"\xff" * 100, b"NBQ1 ", "list"])
def test_a_mark_that_is_none_holds_up_nobody(
    server: Server, settings: Settings, use: Callable[[Path], Settings], nonsense: bytes | str
) -> None:
    """Nonsense in its place is replaced."""
    with server.client() as client:
        if nonsense == "list":
            client.lpush(Keys().mark, "x")
        else:
            client.set(Keys().mark, nonsense)
        use(settings.signing_key_file)
        submitted = submit(len, "abc").wait(5)
        assert str(client.get(Keys().mark)).startswith("b'NBQ1 ")
        assert submitted.cancel().wait(5) == "cancelled"


def test_another_users_data_folder_is_foreign(
    settings: Settings, tmp_path: Path, use: Callable[[Path], Settings]
) -> None:
    """What was signed by a key that is not ours can be looked at, and not submitted to nor loaded."""
    use(key_file(tmp_path, "theirs", new_key_line()))
    theirs = submit(len, "abc").wait(5)
    shutdown()
    use(settings.signing_key_file)
    with pytest.raises(ConfigurationError, match="use the same key file"):
        submit(len, "abc").wait(5)
    assert theirs.cancel().wait(5) == "cancelled"
