"""Signs of life of trials that run, in a storage that asks for them."""

import sqlite3
from pathlib import Path

import optuna
import pytest

from nbqueue.evaluators.heartbeat import beating
from nbqueue.evaluators.left_trials import LeftTrials
from tests.evaluators.studied import study_of
from tests.waiting import wait_until


def beats(file: Path) -> list[str]:
    """The last signs of life of the trials."""
    with sqlite3.connect(file) as database:
        return [row[0] for row in database.execute("select heartbeat from trial_heartbeats")]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_storage_that_was_busy_gets_the_next_sign(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They are given from a thread, whatever the one that began does meanwhile; one that fails is logged."""
    file = tmp_path / "study.db"
    storage = optuna.storages.RDBStorage(
        f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": 0.05}}, heartbeat_interval=1, grace_period=60
    )
    study = study_of(storage=storage)
    trial = study.ask()
    with beating(LeftTrials(optuna, study), lambda: [trial]):
        with sqlite3.connect(file) as other:
            other.execute("begin exclusive")
            wait_until(lambda: "did not take a sign of life of trial 0" in caplog.text, 20)
            other.rollback()
        wait_until(lambda: beats(file), 20)
        first = beats(file)
        wait_until(lambda: beats(file) > first, 20)


def test_a_storage_that_asks_for_none_has_no_thread() -> None:
    """As one in memory."""
    with beating(LeftTrials(optuna, study_of()), lambda: pytest.fail("nobody asks")):
        pass
