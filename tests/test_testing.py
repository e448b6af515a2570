"""What nbqueue.testing gives to the tests of others."""

import os
from pathlib import Path

import pytest

import nbqueue
from nbqueue import ConfigurationError, Settings
from nbqueue.client.session import session
from nbqueue.testing import in_process_worker, inline_queue, inline_session
from tests import pages
from tests.source import ROOT

__all__ = ["inline_queue"]

pytest_plugins = ["pytester"]

TESTS = """
import os
import nbqueue

def test_one(inline_queue):
    assert nbqueue.run(os.getpid).wait() == os.getpid()
    assert len(nbqueue.history().wait()) == 1

def test_another(inline_queue):
    assert len(nbqueue.history().wait()) == 0
"""


async def test_a_fixture_gives_each_test_its_own(inline_queue: Settings) -> None:
    """A test that imports the fixture has an empty store and a key of its own."""
    assert await nbqueue.run(os.getpid) == os.getpid()
    assert str(inline_queue.url).startswith("inline:testing-")
    assert (inline_queue.home / "signing.key").exists()


def test_it_is_a_plugin_too(pytester: pytest.Pytester) -> None:
    """`pytest_plugins = ["nbqueue.testing"]` brings the fixture, and tests share nothing."""
    pytester.makeconftest('pytest_plugins = ["nbqueue.testing"]')
    pytester.makepyfile(TESTS)
    pytester.runpytest_subprocess("-p", "no:valkey", "-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_the_example_of_the_reference_is_a_test(pytester: pytest.Pytester) -> None:
    """What docs/reference.md shows of the fixture passes under pytest."""
    [example] = [script for script in pages.scripts(ROOT / "docs" / "reference.md") if "inline_queue" in script]
    pytester.makepyfile(example)
    pytester.runpytest_subprocess("-p", "no:valkey", "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_session_before_is_back(home: Path) -> None:
    """After the block everything goes by what was configured before."""
    nbqueue.configure(Settings(url="unix:///nowhere", home=home))
    with inline_session(slots=1) as settings:
        assert session().settings is settings
    assert session().settings.url == "unix:///nowhere"
    assert not settings.home.exists()


async def test_a_worker_of_a_real_server_runs_in_the_test(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs that are on the server run in this process, where mocks reach them, and what is left is given back."""
    nbqueue.configure(settings)

    def who() -> str:
        return os.getlogin()

    monkeypatch.setattr(os, "getlogin", lambda: "mocked")
    with in_process_worker(settings, slots=1):
        assert await nbqueue.run(who) == "mocked"
        assert await nbqueue.run(os.getpid) == os.getpid()
        job = await nbqueue.options(queue="other").submit(abs, -1)
    assert (await job.state()).value == "queued"
    assert await nbqueue.Queue("default").workers() == []
    with in_process_worker(queues=["other"]):
        assert await job == 1


def test_a_worker_needs_a_server(home: Path) -> None:
    """Without a URL there is nothing that it could serve."""
    with pytest.raises(ConfigurationError, match="give settings with a url"), in_process_worker(Settings(home=home)):
        pass
