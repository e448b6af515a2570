"""The units of systemd: what they say is known, does not contradict itself, and leaves little open."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.parts import PAGE, SYSTEMD, UNITS, unit, value

#: of systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.kill(5) and systemd.resource-control(5), as of 252
KNOWN = {
    "Unit": {"Description", "Documentation", "After", "Wants"},
    "Service": {
        "CapabilityBoundingSet", "Environment", "EnvironmentFile", "ExecStart", "Group", "KillMode", "KillSignal",
        "LimitNOFILE", "LockPersonality", "MemoryDenyWriteExecute", "NoNewPrivileges", "OOMScoreAdjust",
        "PrivateDevices", "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups",
        "ProtectHome", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
        "ProtectProc", "ProtectSystem", "RemoveIPC", "Restart", "RestartPreventExitStatus", "RestartSec",
        "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID", "StateDirectory",
        "StateDirectoryMode", "SystemCallArchitectures", "SystemCallErrorNumber", "SystemCallFilter", "TasksMax",
        "TimeoutStopSec", "Type", "UMask", "User", "WorkingDirectory",
    },
    "Install": {"WantedBy"},
}  # fmt: skip
#: what nobody may be without
HARDENED = {
    "CapabilityBoundingSet": "", "LockPersonality": "yes", "NoNewPrivileges": "yes", "PrivateDevices": "yes",
    "PrivateTmp": "yes", "PrivateUsers": "yes", "ProtectClock": "yes", "ProtectControlGroups": "yes",
    "ProtectHome": "yes", "ProtectHostname": "yes", "ProtectKernelLogs": "yes", "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes", "ProtectProc": "invisible", "ProtectSystem": "strict", "RemoveIPC": "yes",
    "RestrictNamespaces": "yes", "RestrictRealtime": "yes", "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native", "UMask": "0077",
}  # fmt: skip
#: of what may differ: which calls are let through and kept out, in this order, and what the network may be
OPEN: Mapping[str, tuple[list[str], str]] = {
    "nbqueue-server.service": (["@system-service", "~@privileged"], "AF_INET AF_INET6 AF_UNIX"),
    "nbqueue-web.service": (["@system-service", "~@privileged @resources"], "AF_INET AF_INET6 AF_UNIX"),
    "nbqueue-worker@.service": (["@system-service", "~@privileged"], "AF_INET AF_INET6 AF_UNIX AF_NETLINK"),
}

each_unit = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)


@each_unit
def test_sections_and_names_are_known(path: Path) -> None:
    """Each line is one that systemd knows in its section; it passes others over with a warning."""
    found = {section: {name for name, _ in lines} for section, lines in unit(path).items()}
    assert set(found) == set(KNOWN)
    assert {section: names - KNOWN[section] for section, names in found.items() if names - KNOWN[section]} == {}


@each_unit
def test_units_are_hardened(path: Path) -> None:
    """No service has rights of root, sees the home folders, or writes outside of its own folder."""
    assert {name: value(path, name) for name in HARDENED} == HARDENED
    calls = [value for name, value in unit(path)["Service"] if name == "SystemCallFilter"]
    assert (calls, value(path, "RestrictAddressFamilies")) == OPEN[path.name]
    assert value(path, "User") in ("nbqueue", "nbqueue-server")


@each_unit
def test_systemd_finds_nothing_wrong(path: Path, tmp_path: Path) -> None:
    """Where systemd-analyze is installed, it verifies the unit, and calls it as exposed as the page says."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return
    copy = tmp_path / path.name.replace("@", "@default")
    copy.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(encoding="utf-8")))
    verified = _ran(program, "verify", "--man=no", "--recursive-errors=no", str(copy))
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = _ran(program, "security", "--offline=true", "--no-pager", str(copy))
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged.stdout)
    assert level
    assert level[1] == _said(path)


def test_a_worker_has_time_to_finish() -> None:
    """A worker that is told to end gets more time from systemd than it gives to its jobs, and is told alone."""
    path = SYSTEMD / "nbqueue-worker@.service"
    drain = re.search(r"--drain-timeout (\d+)", value(path, "ExecStart"))
    assert drain
    assert int(value(path, "TimeoutStopSec")) >= int(drain[1]) + 10
    assert value(path, "KillMode") == "mixed"


@each_unit
def test_units_have_files_for_all_their_connections(path: Path) -> None:
    """None ends at the 1,024 files that systemd gives a service if nothing is said."""
    assert value(path, "LimitNOFILE") == "65536"


def test_what_cannot_start_is_not_started_again() -> None:
    """Exit code 2 says that the next start would end in the same way."""
    for name in ("nbqueue-worker@.service", "nbqueue-web.service"):
        assert value(SYSTEMD / name, "Restart") == "on-failure"
        assert value(SYSTEMD / name, "RestartPreventExitStatus") == "2"


def test_each_goes_by_the_user_that_is_its_own() -> None:
    """Worker and web server read files of their own, which the page makes of their own addresses."""
    read = {path.stem: value(path, "EnvironmentFile") for path in UNITS if path.stem != "nbqueue-server"}
    made = dict(re.findall(r"cat secrets/(\w+)\.url\)\" \| install -m 600 /dev/stdin (/etc/\S+)", PAGE.read_text()))
    assert read == {"nbqueue-worker@": made["worker"], "nbqueue-web": made["client"]}
    assert made["worker"] != made["client"]


def test_every_user_is_made() -> None:
    """The users that the units name are those of nbqueue.sysusers."""
    lines = (SYSTEMD / "nbqueue.sysusers").read_text(encoding="utf-8").splitlines()
    made = {line.split()[1] for line in lines if line.startswith("u ")}
    assert made == {value(path, "User") for path in UNITS}


def _said(path: Path) -> str:
    """How exposed the page calls a unit."""
    said = re.search(r"says ([0-9.]+), ([0-9.]+) and ([0-9.]+) of 10 for server, worker and web", PAGE.read_text())
    assert said
    return said[1 + ("server", "worker", "web").index(path.stem.removeprefix("nbqueue-").removesuffix("@"))]


def _ran(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})
