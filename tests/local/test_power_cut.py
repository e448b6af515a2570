"""A power cut keeps what the disk was told to keep: everything that was acknowledged."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import redis

from nbqueue.broker.address import Address
from tests.local.stacks import Stack, client_of, kill
from tests.waiting import wait_until

#: notes, after each time a file was brought to the disk, its path and how long it was when that began
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int note(int fd, const char *name) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    char link[64], path[4096], line[4200];
    struct stat before;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    fstat(fd, &before);
    int result = real(fd);
    if (length > 0 && result == 0) {
        path[length] = 0;
        int log = open(LOG, O_WRONLY | O_CREAT | O_APPEND, 0600);
        ssize_t written = write(log, line, snprintf(line, sizeof line, "%lld %s\n", (long long)before.st_size, path));
        (void)written;
        close(log);
    }
    return result;
}

int fdatasync(int fd) { return note(fd, "fdatasync"); }
int fsync(int fd) { return note(fd, "fsync"); }
"""

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="the shim that watches the disk is built with gcc")


@pytest.fixture
def synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of what reached the disk, by servers started from now on."""
    source, shim, log = tmp_path / "shim.c", tmp_path / "shim.so", tmp_path / "synced"
    source.write_text(SHIM)
    build = ["gcc", "-shared", "-fPIC", f'-DLOG="{log}"', "-o", str(shim), str(source), "-ldl"]
    subprocess.run(build, check=True)
    monkeypatch.setenv("LD_PRELOAD", str(shim))
    return log


@pytest.mark.parametrize("jobs_before_the_cut", [10, 150, 400, 800, 1500])
def test_nothing_acknowledged_is_lost(local: Stack, synced: Path, jobs_before_the_cut: int) -> None:
    """Cut at the last byte that is surely on the disk, the journal still has every job that was acknowledged."""
    address = local.ensure(worker=False)
    server = local.status().server.pid
    acknowledged: list[str] = []
    submitters = [threading.Thread(target=_submit, args=(address, name, acknowledged)) for name in "abcd"]
    for submitter in submitters:
        submitter.start()
    wait_until(lambda: len(acknowledged) >= jobs_before_the_cut)
    kill(server)
    for submitter in submitters:
        submitter.join()
    journal = local.home.journal / "appendonly.aof.1.incr.aof"
    os.truncate(journal, _bytes_on_disk(synced, journal))
    with local.client() as client:
        assert [name for name in acknowledged if not client.exists(name)] == []


def test_the_disk_is_asked_for_every_write(local: Stack, synced: Path) -> None:
    """The shim sees what it is there to see: one by one, each write is on the disk before it is answered."""
    journal = local.home.journal / "appendonly.aof.1.incr.aof"
    with local.client() as client:
        for number in range(5):
            client.set(f"job-{number}", "x")
            assert _bytes_on_disk(synced, journal) == journal.stat().st_size


def _submit(address: Address, name: str, acknowledged: list[str]) -> None:
    """Store job after job until the server is gone."""
    with client_of(address) as client:
        for number in range(100_000):
            try:
                client.set(f"{name}-{number}", "x" * 100)
            except redis.RedisError:
                return
            acknowledged.append(f"{name}-{number}")


def _bytes_on_disk(synced: Path, journal: Path) -> int:
    sizes = [line.split(" ", 1) for line in synced.read_text().splitlines()]
    return max((int(size) for size, path in sizes if path == str(journal)), default=0)
