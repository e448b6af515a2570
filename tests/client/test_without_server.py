"""When no server can be reached: what a submit says, and the fallback."""

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbqueue
from nbqueue import AccessDenied, BrokerUnavailable, ConfigurationError, LocalStackError, Settings
from nbqueue.client import hooks
from nbqueue.client.portal import shutdown
from nbqueue.inline import drop
from nbqueue.model.settings import load_settings
from tests.servers import Server, running_server

OFFER = r'To run jobs in this process meanwhile, without a server: nbqueue.configure\(url="inline:"\).'


@pytest.fixture(autouse=True)
def _afterwards() -> Iterator[None]:
    """No store of this process is left to other tests."""
    yield
    shutdown()
    drop("")


@pytest.fixture
def nowhere(home: Path) -> Settings:
    """A server that is not there."""
    return Settings(url=f"unix://{home}/none", home=home, connect_timeout_s=0.3)


def _falling(settings: Settings) -> Settings:
    return load_settings(
        url=settings.url, home=settings.home, connect_timeout_s=settings.connect_timeout_s, fallback="inline"
    )


async def test_a_submit_says_how_to_go_on(nowhere: Settings) -> None:
    """The error of a submit names the server, what is wrong, and what runs jobs without one."""
    nbqueue.configure(nowhere)
    for failing in (nbqueue.submit(abs, -1), nbqueue.submit_map(abs, [1, 2])):
        with pytest.raises(BrokerUnavailable, match=r"cannot be reached: .*" + OFFER):
            await failing
    with pytest.raises(BrokerUnavailable) as caught:
        await nbqueue.history()
    assert "inline:" not in str(caught.value)


async def test_the_fallback_runs_it_here_and_warns_once(nowhere: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """With fallback="inline" jobs run in this process; one warning says so, and how to try the server again."""
    nbqueue.configure(_falling(nowhere))
    with caplog.at_level(logging.WARNING, "nbqueue"):
        jobs = await asyncio.gather(*(nbqueue.submit(os.getpid) for _ in range(3)))
        assert [await job for job in jobs] == [os.getpid()] * 3
        assert await nbqueue.submit_map(abs, [-1, -2]).wait() == [1, 2]
    [warning] = [record.getMessage() for record in caplog.records if record.name == "nbqueue"]
    assert "cannot be reached" in warning
    assert "Jobs run in this process now, without a server, and end with it" in warning


async def test_the_fallback_takes_the_place_of_a_local_stack(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """Where the local stack cannot be started, as on a platform that has no server, it is the same."""

    def refuse(_: Settings, *, wakes: bool) -> None:
        assert wakes
        raise LocalStackError("The embedded server is not made for this platform.")

    monkeypatch.setattr(hooks, "local_stack", refuse)
    nbqueue.configure(Settings(home=home))
    with pytest.raises(LocalStackError, match=r"not made for this platform. " + OFFER):
        await nbqueue.submit(abs, -1)
    nbqueue.configure(Settings(home=home, fallback="inline"))
    assert await nbqueue.run(os.getpid) == os.getpid()


async def test_a_server_that_was_there_is_waited_for(home: Path) -> None:
    """Once a server was reached jobs may be on it: a later outage is told, and nothing runs here."""
    with running_server() as server:
        settings = _falling(Settings(url=server.url, home=home, connect_timeout_s=0.3))
        nbqueue.configure(settings)
        await nbqueue.submit(abs, -1)
    with pytest.raises(BrokerUnavailable, match=OFFER):
        await nbqueue.submit(abs, -2)


async def test_a_server_that_refuses_is_no_reason(server: Server, home: Path) -> None:
    """A wrong password is told: the server is there, and the jobs belong on it."""
    nbqueue.configure(_falling(Settings(url=f"unix://:wrong@{server.path}", home=home, connect_timeout_s=0.5)))
    with pytest.raises(AccessDenied) as caught:
        await nbqueue.submit(abs, -1)
    assert "inline:" not in str(caught.value)


def test_the_fallback_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """NBQUEUE_FALLBACK sets it; what is not known is refused."""
    monkeypatch.setenv("NBQUEUE_FALLBACK", "inline")
    assert load_settings().fallback == "inline"
    with pytest.raises(ConfigurationError, match='it is "inline", or nothing'):
        load_settings(fallback="outline")


async def test_a_working_server_is_used(server: Server, home: Path) -> None:
    """The fallback changes nothing where the server answers."""
    nbqueue.configure(_falling(Settings(url=server.url, home=home)))
    job = await nbqueue.submit(abs, -1)
    assert server.client().exists(f"nbq:job:{job.id}")
