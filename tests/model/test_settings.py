"""Settings: where their defaults come from."""

from pathlib import Path
from typing import Any

import pytest

from nbqueue.errors import ConfigurationError
from nbqueue.model.settings import Settings, load_settings


def test_the_home_is_the_same_however_settings_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Settings()` has the home that `load_settings` takes: NBQUEUE_HOME, else the user's data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBQUEUE_HOME", str(tmp_path / "mine"))
    assert Settings().home == load_settings().home == tmp_path / "mine"
    monkeypatch.delenv("NBQUEUE_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Settings(namespace="abc").home == load_settings().home == tmp_path / "data" / "nbqueue"
    (tmp_path / ".env").write_text(f"NBQUEUE_HOME={tmp_path}/noted\n", encoding="utf-8")
    assert Settings().home == load_settings().home == tmp_path / "noted"


def test_a_home_that_is_given_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument goes before the environment."""
    monkeypatch.setenv("NBQUEUE_HOME", str(tmp_path / "mine"))
    assert Settings(home=tmp_path).home == load_settings(home=tmp_path).home == tmp_path


def test_paths_and_sizes_may_be_text(tmp_path: Path) -> None:
    """As people write them."""
    found = load_settings(home=str(tmp_path), key_file="~/a.key", limit_bytes="20MB")
    assert (found.home, found.key_file, found.limit_bytes) == (tmp_path, Path.home() / "a.key", 20_000_000)
    assert load_settings({"NBQUEUE_LIMIT_BYTES": "20MB", "NBQUEUE_SLOTS": "3"}, tmp_path).limit_bytes == 20_000_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"slots": 0}, "slots=0 cannot be used: give a whole number from 1 on."),
        ({"limit_bytes": -1}, "limit_bytes=-1 is not a size: give at least 1 byte"),
        ({"limit_bytes": "0MB"}, "limit_bytes='0MB' is not a size: give at least 1 byte"),
        ({"limit_bytes": "9" * 400 + "B"}, "limit_bytes='999"),
        ({"home": "~nobodyhere/x"}, "home='~nobodyhere/x' cannot be used: this machine knows no home of that user."),
        ({"connect_timeout_s": "soon"}, "connect_timeout_s='soon' is no duration"),
        ({"idle_stop_s": float("nan")}, "idle_stop_s=nan is out of range"),
        ({"home": 5}, "home=5 cannot be used: give a path."),
        ({"url": b"redis://"}, "url=b'redis://' cannot be used: give text."),
        ({"webhook_private": "yes"}, "webhook_private='yes' cannot be used: give True or False."),
        ({"nosuch": "x"}, "Setting 'nosuch' is not known: the settings are url, "),
        ({"server": "x"}, "Setting 'server' is not known: it is called url= here."),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], said: str) -> None:
    """At once, with what came and what was allowed."""
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**given)
    assert str(refused.value).startswith(said)


def test_an_environment_that_cannot_be_meant_is_named(tmp_path: Path) -> None:
    """The error says which variable it was."""
    with pytest.raises(ConfigurationError, match="NBQUEUE_SLOTS='two' cannot be used: give a whole number"):
        load_settings({"NBQUEUE_SLOTS": "two"}, tmp_path)
    with pytest.raises(ConfigurationError, match="NBQUEUE_HOME='~nobodyhere/x' cannot be used: this machine knows no"):
        load_settings({"NBQUEUE_HOME": "~nobodyhere/x"}, tmp_path)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [("1", True), ("True", True), ("yes", True), ("ON", True), ("0", False), ("FALSE", False), ("no", False),
     ("off", False)],
)  # fmt: skip
def test_private_webhooks_are_allowed_by_a_clear_yes(tmp_path: Path, text: str, allowed: bool) -> None:  # noqa: FBT001
    """And forbidden by a clear no, in the words that people write into an environment."""
    assert load_settings({"NBQUEUE_WEBHOOK_PRIVATE": text}, tmp_path).webhook_private is allowed


@pytest.mark.parametrize("text", ["offf", "disabled", "2", "none", "nein", " - "])
def test_private_webhooks_are_never_allowed_by_a_word_that_is_not_known(tmp_path: Path, text: str) -> None:
    """It is refused, with the variable's name and the words that are known."""
    said = "NBQUEUE_WEBHOOK_PRIVATE=.* cannot be used: give 1, true, yes, on, 0, false, no, off"
    with pytest.raises(ConfigurationError, match=said):
        load_settings({"NBQUEUE_WEBHOOK_PRIVATE": text}, tmp_path)
