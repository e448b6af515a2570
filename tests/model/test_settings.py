"""Settings: where their defaults come from."""

from pathlib import Path

import pytest

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
