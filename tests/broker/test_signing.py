"""The key file: made privately, refused where others could read or change it, and never shown."""

import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbqueue.broker.key_file import new_key, new_key_line, read, replace
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError, NotSendable

LOAD = """
import sys, pathlib
sys.stdin.readline()
from nbqueue.broker.signing import Keyring
print(*Keyring.load(pathlib.Path(sys.argv[1])).sign(b"data"))
"""


@pytest.fixture
def folder(home: Path) -> Path:
    """A private folder for a key."""
    home.chmod(0o700)
    return home


@pytest.fixture
def key_file(folder: Path) -> Path:
    """A usable key file."""
    Keyring.load(folder / "signing.key")
    return folder / "signing.key"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """This process's umask, for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def refusal(path: Path) -> str:
    """What is said when the key is refused."""
    with pytest.raises(ConfigurationError) as caught:
        Keyring.load(path)
    return str(caught.value)


def test_a_key_is_made_on_first_use(folder: Path) -> None:
    """The first load makes a key, the second finds it."""
    first = Keyring.load(folder / "signing.key")
    second = Keyring.load(folder / "signing.key")
    assert first.ids == second.ids
    assert second.verify(*first.sign(b"data"), b"data")


def test_a_new_key_is_private_whatever_the_umask(folder: Path) -> None:
    """With umask 000 the file is still 0600, and every folder made for it 0700."""
    path = folder / "a" / "b" / "signing.key"
    with umask(0):
        Keyring.load(path)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert [each.name for each in path.parent.iterdir()] == ["signing.key"]


def test_processes_that_create_at_once_agree(folder: Path) -> None:
    """Six processes that find no key end up with the same one."""
    path = folder / "new" / "signing.key"
    words = [sys.executable, "-c", LOAD, str(path)]
    started = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=30)[0] for process in started}
    assert len(answers) == 1
    assert Keyring.load(path).verify(*_pair(answers.pop()), b"data")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_key_open_to_others_is_refused(key_file: Path, mode: int) -> None:
    """A key that a group or others can read or write is refused, with the command that mends it."""
    key_file.chmod(mode)
    assert f"chmod 600 {key_file}" in refusal(key_file)


def test_a_symbolic_link_is_refused(key_file: Path) -> None:
    """A link could be turned to another file between check and use."""
    link = key_file.with_name("link.key")
    link.symlink_to(key_file)
    assert "symbolic link: set NBQUEUE_KEY_FILE to the file itself" in refusal(link)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_key_of_another_user_is_refused(key_file: Path) -> None:
    """A key that another user put there is refused, and so is a folder of another user."""
    os.chown(key_file, 12_345, -1)
    assert "belongs to another user (uid 12345)" in refusal(key_file)
    os.chown(key_file, 0, -1)
    os.chown(key_file.parent, 12_345, -1)
    assert "belongs to another user (uid 12345)" in refusal(key_file)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o770])
def test_a_folder_open_to_others_is_refused(key_file: Path, mode: int) -> None:
    """In a folder that others can write to they could put a key of their own."""
    key_file.parent.chmod(mode)
    assert f"chmod go-w {key_file.parent}" in refusal(key_file)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_an_empty_file_is_refused(key_file: Path, text: str) -> None:
    """An empty key file is not silently replaced: it may have been emptied by mistake."""
    key_file.write_text(text)
    assert "holds no key" in refusal(key_file)


@pytest.mark.parametrize("line", ["S3cr3t", "a S3cr3t", "a b c", f"a/b {'0' * 64}", f"a {'G' * 64}", f"old {'0' * 64}"])
def test_a_wrong_line_is_told_by_its_number_alone(key_file: Path, line: str) -> None:
    """What stands in a key file is never shown."""
    key_file.write_text(f"old {'1' * 64}\n{line}\n")
    told = refusal(key_file)
    assert told.startswith(f"Line 2 of the signing key {key_file} ")
    assert "S3cr3t" not in told


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(folder: Path, kind: str) -> None:
    """A folder or a pipe in the key's place is refused without waiting for it."""
    path = folder / "signing.key"
    path.mkdir(0o700) if kind == "folder" else os.mkfifo(path, 0o600)
    assert "is not a file" in refusal(path)


def test_a_key_never_shows_and_never_travels(key_file: Path) -> None:
    """Text of a keyring holds its ids alone, and it cannot be pickled."""
    keyring = Keyring.load(key_file)
    secret = key_file.read_text().split()[1]
    assert repr(keyring) == f"Keyring(ids={list(keyring.ids)})"
    assert secret not in f"{keyring!r} {keyring}"
    with pytest.raises(NotSendable):
        pickle.dumps(keyring)


def test_an_old_key_verifies_until_it_is_removed(key_file: Path) -> None:
    """A new first line signs from now on; what the old key signed stays valid while its line stands."""
    old = Keyring(read(key_file))
    signed = old.sign(b"data")
    key_file.write_text(new_key_line() + key_file.read_text())
    both = Keyring.load(key_file)
    assert both.ids[1:] == old.ids
    assert both.verify(*signed, b"data")
    assert not old.verify(*both.sign(b"data"), b"data")


def test_a_changed_file_is_taken_up_within_a_second(key_file: Path) -> None:
    """A keyring signs with the file's new first key after a second, and verifies what that signed at once."""
    now = [0.0]
    held, before = Keyring.load(key_file, clock=lambda: now[0]), read(key_file)
    replace(key_file, {**new_key(), **before})
    new = Keyring.load(key_file)
    now[0] = 0.9
    assert held.sign(b"data")[0] == next(iter(before))
    assert held.verify(*new.sign(b"data"), b"data")
    assert held.ids == new.ids
    replace(key_file, {new.ids[0]: read(key_file)[new.ids[0]]})
    now[0] = 2.0
    assert held.ids == new.ids[:1]
    assert not held.verify(*Keyring(before).sign(b"data"), b"data")


@pytest.mark.parametrize("fault", ["removed", "empty", "open to others", "nonsense"])
def test_a_file_that_cannot_be_used_any_more_changes_nothing(
    key_file: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The keys that were read stay in force, one line in the log says why, and a mended file counts again."""
    now = [0.0]
    held = Keyring.load(key_file, clock=lambda: now[0])
    ids, kept = held.ids, key_file.read_text()
    match fault:
        case "removed":
            key_file.unlink()
        case "open to others":
            key_file.chmod(0o644)
        case _:
            key_file.write_text("" if fault == "empty" else "S3cr3t")
    for now[0] in (2.0, 4.0, 6.0):
        assert held.ids == ids
    assert [line.getMessage().split(":")[0] for line in caplog.records] == [
        "The signing keys stay as they were read before"
    ]
    assert "S3cr3t" not in caplog.text
    key_file.unlink(missing_ok=True)
    key_file.touch(0o600)
    key_file.write_text(new_key_line() + kept)
    now[0] = 8.0
    assert held.ids[1:] == ids


def test_large_data_is_signed_as_small_data_is() -> None:
    """Hashing part by part gives what hashing the whole gives."""
    keyring = Keyring({"a": b"k" * 32})
    data = b"x" * 200_000
    assert keyring.sign(data[:70_000], data[70_000:]) == keyring.sign(data)
    assert keyring.verify(*keyring.sign(data), data)
    assert not keyring.verify(*keyring.sign(data), data + b"x")


def _pair(text: str) -> tuple[str, str]:
    key_id, signature = text.split()
    return key_id, signature
