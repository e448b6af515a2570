"""logs: what a job has written reaches a terminal as text and colours, and a file as it is."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import nbqueue
from tests.cli.commands import run, running, shell
from tests.servers import Server
from tests.workers import running_worker

HOSTILE = (
    "\x1b]0;title\x07one\x1b[2J\x1b[1;31mred\x1b[0m\x9b31m\ttab\r\n"
    "10%\r\x1b[K20%\r30%\n\x1b[?1049h\x1bPq#0\x1b\\\x07\x08\u202etwo\x1b[38;5;9mpink\n"
)
SHOWN = "one\x1b[1;31mred\x1b[0m\ttab\n30%\ntwo\x1b[38;5;9mpink\n\x1b[0m"


def job_with_log(server: Server, text: str) -> str:
    """A job of this id that has written this."""
    job_id = shell("submit", "f", "--url", server.url).stdout.strip()
    with server.client() as client:
        client.rpush(f"nbq:log:{job_id}", text.encode())
        client.expire(f"nbq:log:{job_id}", 60)
    return job_id


def on_a_terminal(*words: str) -> str:
    """What a terminal gets from the command."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "nbqueue", *words]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    found = b""
    try:
        while select.select([leader], [], [], 30)[0]:
            found += os.read(leader, 10_000)
    except OSError:
        pass  # Linux says so when the other side is closed
    finally:
        os.close(leader)
        process.wait(30)
    return found.decode().replace("\r\n", "\n")


def test_a_log_cannot_steer_the_terminal(server: Server) -> None:
    """Colours, lines and tabs are kept; titles, screens, bells and marks of direction are not; colours end."""
    assert on_a_terminal("logs", job_with_log(server, HOSTILE), "--url", server.url) == SHOWN


def test_a_plain_log_is_printed_as_it_is(server: Server) -> None:
    """A log without anything special is the same on a terminal and in a pipe."""
    job_id = job_with_log(server, "größe 日本\n\n  indented")
    assert on_a_terminal("logs", job_id, "--url", server.url) == "größe 日本\n\n  indented"
    assert run("logs", job_id, "--url", server.url).stdout == "größe 日本\n\n  indented"


def test_a_pipe_gets_every_byte(server: Server) -> None:
    """Into a pipe goes what the job wrote, colours and all, for whoever reads it there to decide."""
    command = [sys.executable, "-m", "nbqueue", "logs", job_with_log(server, HOSTILE), "--url", server.url]
    assert subprocess.run(command, capture_output=True, check=True).stdout == HOSTILE.encode()


TALKS = """
import pathlib
import time
import nbqueue

@nbqueue.task("talk")
def talk():
    for part in range(12):
        while part == 1 and not pathlib.Path(HEARD).exists():
            time.sleep(0.05)
        for line in range(2000):
            print(f"{part:02d} {line:04d} " + "x" * 70)
        time.sleep(0.4)
"""


def test_a_log_of_any_length_is_followed(server: Server, tmp_path: Path) -> None:
    """Each line once and in order, also when the log is longer than what is kept of it; by one connection."""
    heard = tmp_path / "heard"
    (tmp_path / "cli_log_tasks.py").write_text(TALKS.replace("HEARD", repr(str(heard))), encoding="utf-8")
    settings = nbqueue.Settings(url=server.url, home=tmp_path)
    with running_worker(settings, "cli_log_tasks", modules=[tmp_path]), server.client() as client:
        job_id = shell("submit", "talk", "--url", server.url, "--home", str(tmp_path)).stdout.strip()
        before = client.info("stats")["total_connections_received"]
        with running("logs", "-f", job_id, "--url", server.url) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline().rstrip("\n")]
            heard.touch()
            lines += process.stdout.read().splitlines()
        # those of the command, and some that the worker may have opened meanwhile
        assert client.info("stats")["total_connections_received"] - before < 6
    said = [line[:7] for line in lines if not line.startswith("[...")]
    assert said == sorted(set(said))
    lost = sum(int(line.split()[1].replace(",", "")) for line in lines if line.startswith("[..."))
    assert (len(said) * 79 + lost, said[-1]) == (12 * 2000 * 79, "11 1999")
    assert (said[0], len(said) > 14_000) == ("00 0000", True)
