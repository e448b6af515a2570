"""What a person waits for: the import, the first result with nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.arena import Arena
from benchmarks.contestants import Contestant
from benchmarks.environments import ROOT
from benchmarks.players import PlayerFailed, player
from benchmarks.rounds import Results, run_rounds

FIRST_S = 60.0

IMPORTS = tuple(Contestant(name=each, module="import") for each in ("import nbqueue", "from nbqueue import submit"))
FIRST = Contestant(name="first result, nothing running", module="first")


def measure(arena: Arena) -> Results:
    """Milliseconds and seconds."""
    plan = arena.plan
    results = run_rounds(IMPORTS, plan.imports, lambda each: {"ms": 1000 * _import_s(each.name)}, title="import")
    results |= run_rounds((FIRST,), plan.first_results, lambda _: _first_result(arena), title="first result")
    return results


def _import_s(statement: str) -> float:
    code = f"import time; began = time.perf_counter(); {statement}; print(time.perf_counter() - began)"
    done = _run([sys.executable, "-c", code], {})
    if done.returncode:
        raise PlayerFailed(done.stderr[-300:])
    return float(done.stdout)


def _first_result(arena: Arena) -> dict[str, float]:
    """In a home of its own, which is stopped and removed after."""
    with tempfile.TemporaryDirectory(prefix="nbq-", ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-m", "benchmarks.peers.nbqueue_first"]
        variables = {"PYTHONPATH": str(ROOT), "NBQUEUE_HOME": str(Path(home) / "h"), "NBQUEUE_URL": ""}
        try:
            with player(command, variables, arena.folder / "first.log") as fresh:
                reply = fresh.ask("", timeout_s=FIRST_S)
        finally:
            _run([sys.executable, "-m", "nbqueue", "down", "--timeout", "5"], variables)
    return {"s": float(reply["seconds"]), "s, the next ones": float(reply["next"])}


def _run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **variables}
    return subprocess.run(  # noqa: S603 - our own words
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
