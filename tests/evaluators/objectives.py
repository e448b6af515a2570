"""Objectives of studies, as people write them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import optuna


def bowl(trial: Any) -> float:
    """Has a parameter that is not always there, reports on the way, and lets itself be pruned."""
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_int("y", 0, 10) if trial.suggest_categorical("kind", ["a", "b"]) == "a" else 3
    for step in range(5):
        trial.report((x - 1) ** 2 + y + 5 - step, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    trial.set_user_attr("squared", x * x)
    return float((x - 1) ** 2 + y)


def slow(trial: Any) -> float:
    """Where `bad`, it takes long, and is worse than others at each step."""
    bad = trial.suggest_categorical("bad", [True, False])
    for step in range(400):
        trial.report(100.0 if bad else 1.0, step)
        if trial.should_prune():
            raise optuna.TrialPruned
        time.sleep(0.05 if bad else 0)
    return 100.0 if bad else 1.0


def deadly(trial: Any) -> float:
    """One trial of three takes its process down, each time."""
    x: float = trial.suggest_float("x", 0, 1)
    if trial.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def picky(trial: Any) -> float:
    """Raises where it does not like its parameter, after it has said much."""
    x: float = trial.suggest_float("x", 0, 1)
    trial.report(x, 0)
    trial.set_user_attr("seen", x)
    if x < 0.45:
        raise ValueError("no")
    return x


def stumbling(trial: Any, folder: str) -> float:
    """Raises at its first call, and notes each."""
    x: float = trial.suggest_float("x", 0, 1)
    mark = Path(folder, f"trial-{trial.number}")
    first = not mark.exists()
    with mark.open("a", encoding="ascii") as file:
        file.write(f"{x!r}\n")
    if first:
        raise ConnectionError("busy")
    return x


def gated(trial: Any, folder: str) -> float:
    """Notes that it began, and waits until it is let."""
    x: float = trial.suggest_float("x", 0, 1)
    Path(folder, f"began-{trial.number}").touch()
    while not Path(folder, "gate").exists():
        time.sleep(0.01)
    return x


def endless(trial: Any) -> float:
    """Never ends; every second one lets itself be pruned."""
    for step in range(100_000):
        trial.report(step, step)
        if trial.number % 2 and trial.should_prune():
            raise optuna.TrialPruned
        time.sleep(0.01)
    return 0.0
