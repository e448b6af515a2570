"""A key that was removed: what it had signed fails, and nobody waits for those who might still have it."""

import json

from nbqueue import Job, submit
from nbqueue.broker.key_file import read, text
from nbqueue.broker.signing import Keyring
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.attacks.rotations import key_file, rotate_here
from tests.cli.commands import run as cli
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker


def refused(job: Job[int], removed: str, left: str) -> bool:
    """Whether a job has failed, with the sentence that names both keys."""
    info = job.info().wait(5)
    why = f"its signature (key id {removed}) fits none of our keys (key ids: {left})"
    return (info.state, info.error_type, why in (info.error or "")) == (State.FAILED, "TamperedPayload", True)


def found(said: str, *place: str) -> list[str]:
    """The marks of what the doctor says so."""
    rows = json.loads(cli("doctor", "--json", *place).stdout)
    return [row["mark"] for row in rows if row["said"].startswith(said)]


def test_what_a_removed_key_had_signed_fails(near: Settings, server: Server) -> None:
    """A worker that starts after `remove --force` refuses it, instead of waiting for one that has the key."""
    job = submit(len, "abc").wait(5)
    [old] = Keyring.load(near.signing_key_file).ids
    new = rotate_here(near, server)
    words = ("signing-key", "remove", "--force", old, "--key-file", str(near.key_file), "--url", str(near.url))
    assert cli(*words).stdout.startswith(f"Key {old} is accepted no longer. It had signed ")
    with running_worker(near, "--slots", "1"):
        wait_until(lambda: refused(job, old, new))
        assert submit(len, "abc").wait(5).wait(20) == 3


def test_what_waits_for_a_key_fails_when_that_is_given_up(near: Settings, far: Settings, server: Server) -> None:
    """Where the server could not be told at once, the same command tells it later; until then the doctor names it."""
    place = ("--url", str(near.url), "--home", str(near.home))
    job = submit(len, "abc").wait(5)
    [old] = Keyring.load(near.signing_key_file).ids
    new = rotate_here(near, server)
    key_file(far.signing_key_file.parent, "far", text({new: read(near.signing_key_file)[new]}))
    remove = ("signing-key", "remove", "--force", old, "--key-file", str(near.key_file))
    with running_worker(far, "--slots", "1"):
        wait_until(lambda: f"waits for a worker with key {old}" in str(cli("jobs", "--url", str(near.url)).output))
        untold = cli(*remove, "--home", str(near.home))
        assert (untold.exit_code, f"run `nbqueue signing-key remove --force {old}` again" in untold.stderr) == (0, True)
        assert Keyring.load(near.signing_key_file).ids == (new,)
        vain = f"1 job waits in default for key {old}, which no worker that serves it has: "
        wait_until(lambda: found(vain, *place) == ["wrong"])
        assert cli(*remove, "--url", str(near.url)).exit_code == 0
        wait_until(lambda: refused(job, old, new))
        unknown = cli("signing-key", "remove", "--force", "x", "--key-file", str(near.key_file), "--url", str(near.url))
        assert (unknown.exit_code, "has no key 'x'" in unknown.stderr) == (2, True)
