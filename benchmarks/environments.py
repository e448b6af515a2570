"""An environment of its own for every peer, made once, beside the one that runs the benchmark."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Contestant

#: they go when the environment goes that runs the benchmark
FOLDER = Path(sys.prefix) / "peers"
INSTALL_S = 300
ROOT = Path(__file__).parent.parent


class NotInstalled(Exception):
    """A peer that cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """How a contestant's processes are started."""

    command: tuple[str, ...]
    variables: dict[str, str]


def environment(contestant: Contestant) -> Environment:
    """The contestant's environment, made if need be. Raises NotInstalled."""
    if not contestant.needs:
        return _python(sys.executable, contestant)
    folder = FOLDER / _name(contestant)
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, contestant)
        (folder / "complete").touch()
    if contestant.on_node:
        script = str(ROOT / "benchmarks" / "peers" / contestant.module)
        return Environment((_node(), script), {"BENCH_NODE": str(folder)})
    return _python(str(folder / "bin" / "python"), contestant)


def _python(executable: str, contestant: Contestant) -> Environment:
    return Environment((executable, "-m", f"benchmarks.peers.{contestant.module}"), {"PYTHONPATH": str(ROOT)})


def _name(contestant: Contestant) -> str:
    wanted = hashlib.sha256(repr((contestant.needs, sys.version_info[:2])).encode()).hexdigest()[:8]
    return f"{contestant.module.partition('_')[0]}-{wanted}"


def _make(folder: Path, contestant: Contestant) -> None:
    print(f"installing {contestant.name} ...", file=sys.stderr, flush=True)
    folder.mkdir(parents=True)
    if contestant.on_node:
        _node()
        npm = shutil.which("npm") or _missing("npm is not installed")
        _run([npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", *contestant.needs])
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *contestant.needs])


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_S)  # noqa: S603 - our own words
    except subprocess.TimeoutExpired:
        _missing(f"its installation took over {INSTALL_S} s")
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["no reason given"]
        _missing(f"it cannot be installed: {lines[-1]}")


def _node() -> str:
    return shutil.which("node") or _missing("node is not installed")


def _missing(reason: str) -> str:
    raise NotInstalled(reason)
