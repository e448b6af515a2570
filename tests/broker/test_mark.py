"""The mark of the key that signs at a server: it goes on with a rotation, and nobody who lags turns it back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nbqueue.broker.address import parse_url
from nbqueue.broker.connection import open_redis
from nbqueue.broker.envelope import key_id_of
from nbqueue.broker.handshake import Mark, agree, behind, compare, give_up, lacked_key
from nbqueue.broker.key_file import text
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError, TamperedPayload
from nbqueue.worker.key_watch import KeyWatch
from tests.attacks.rotations import key_file
from tests.cli.commands import run as cli
from tests.servers import Server

KEYS = Keys()
OLD, NEW = {"old": b"o" * 32}, {"new": b"n" * 32}
#: who has both and signs with the new one; who skipped the last step of a rotation; who has never heard of it
ROTATED, HALFWAY, LAGGING = Keyring(NEW | OLD), Keyring(OLD | NEW), Keyring(OLD)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Any]:
    """A connection as whoever meets there has it."""
    client = open_redis(parse_url(server.url), name="")
    yield client
    await client.aclose()


async def _signed_by(client: Any) -> str | None:
    return key_id_of(await client.get(KEYS.mark))


async def test_who_signs_with_an_older_key_turns_no_mark_back(client: Any) -> None:
    """Those without the old key are not refused, and who lags still knows whose jobs it cannot read."""
    await agree(client, KEYS, LAGGING)
    await agree(client, KEYS, ROTATED)
    await agree(client, KEYS, HALFWAY)
    assert (await _signed_by(client), await behind(client, KEYS, HALFWAY)) == ("new", "new")
    await agree(client, KEYS, Keyring(NEW))
    error = TamperedPayload("no", unknown_key="new")
    assert await lacked_key(client, KEYS, LAGGING, error) == "new"
    with pytest.raises(ConfigurationError, match="signed with key new"):
        await agree(client, KEYS, LAGGING)
    assert (await behind(client, KEYS, ROTATED), await compare(client, KEYS, ROTATED)) == ("", "new")


async def test_a_key_between_two_rotations_is_one_of_the_others(client: Any) -> None:
    """Who has followed neither leaves what either of the new keys signed, and still nothing that was forged."""
    await agree(client, KEYS, LAGGING)
    await agree(client, KEYS, Keyring({"newest": b"x" * 32} | NEW | OLD))
    for unknown, lacked in (("new", "new"), ("newest", "newest"), ("forged", ""), ("old", "")):
        assert await lacked_key(client, KEYS, LAGGING, TamperedPayload("no", unknown_key=unknown)) == lacked


async def test_who_sees_a_key_come_back_turns_the_mark(client: Any, tmp_path: Path) -> None:
    """A rotation to a key that signed before is one, too; and so it goes on."""
    await agree(client, KEYS, LAGGING)
    path = key_file(tmp_path, "keys", text(NEW | OLD))
    now = [0.0]
    ring = Keyring.load(path, clock=lambda: now[0])
    mark = Mark(KEYS, ring)
    for first, second in ((NEW, OLD), (OLD, NEW), (NEW, OLD)):
        path.write_text(text(first | second), encoding="ascii")
        now[0] += 2.0
        await mark.keep(client)
        assert [await _signed_by(client)] == list(first)


async def test_a_key_that_is_removed_signs_no_mark(client: Any, server: Server, tmp_path: Path) -> None:
    """Also where the one before it comes back while nobody is there who would see it."""
    await agree(client, KEYS, LAGGING)
    await agree(client, KEYS, ROTATED)
    path = key_file(tmp_path, "keys", text(OLD | NEW))
    words = ("signing-key", "remove", "new", "--key-file", str(path), "--url", server.url)
    assert (await asyncio.to_thread(cli, *words)).exit_code == 0
    assert await _signed_by(client) == "old"
    await agree(client, KEYS, LAGGING)


async def test_a_worker_says_that_it_signs_with_an_older_key(
    client: Any, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that makes up for the step; `nbqueue doctor` says it as well."""
    await agree(client, KEYS, LAGGING)
    await agree(client, KEYS, ROTATED)
    path = key_file(tmp_path, "keys", text(OLD | NEW))
    with caplog.at_level(logging.WARNING, "nbqueue.worker"):
        await KeyWatch(client, KEYS, path).agree()
    said = (
        "The others here sign with key new by now, and key old still signs here: nbqueue signing-key rotate --to new."
    )
    assert [record.getMessage() for record in caplog.records] == [said]
    monkeypatch.setenv("NBQUEUE_KEY_FILE", str(path))
    found = await asyncio.to_thread(cli, "doctor", "--url", server.url)
    assert said.partition(": ")[0] in " ".join(found.output.split())


async def test_a_key_that_was_given_up_is_waited_for_by_nobody(client: Any) -> None:
    """Whoever still speaks of it in the mark; those who lag know the others' key as ever. Signing, it counts again."""
    await agree(client, KEYS, LAGGING)
    await agree(client, KEYS, ROTATED)
    gone, new = TamperedPayload("no", unknown_key="old"), TamperedPayload("no", unknown_key="new")
    assert await lacked_key(client, KEYS, Keyring(NEW), gone) == "old"
    await give_up(client, KEYS, "old")
    newest = {"newest": b"x" * 32}
    for held in (NEW | OLD, OLD | NEW, newest | NEW | OLD, OLD | NEW | newest):
        await agree(client, KEYS, Keyring(held))
        for ring, error, lacked in ((Keyring(NEW), gone, ""), (LAGGING, new, "new")):
            assert await lacked_key(client, KEYS, ring, error) == lacked
    await agree(client, KEYS, Keyring(OLD | NEW | newest), instead_of="newest")
    assert await lacked_key(client, KEYS, Keyring(NEW), gone) == "old"


async def test_nonsense_in_the_place_of_keys_that_were_given_up_holds_up_nobody(client: Any) -> None:
    """It speaks of no key."""
    await client.set(KEYS.given_up, "x", ex=60)
    await agree(client, KEYS, LAGGING)
    await agree(client, KEYS, ROTATED)
    assert await lacked_key(client, KEYS, Keyring(NEW), TamperedPayload("no", unknown_key="old")) == "old"
