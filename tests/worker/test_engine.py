"""What an engine does with ends that the server refuses."""

from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError, ResponseError

from nbqueue.broker.claims import Finish
from nbqueue.broker.keys import Keys
from nbqueue.model.states import State
from nbqueue.worker.engine import Engine
from nbqueue.worker.outbox import Leaving, Outbox
from nbqueue.worker.reports import Reports


class Answers:
    """A server that gives these answers, one a round trip; an error that breaks the connection is raised."""

    #: it has none of our own
    connection_pool = None

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def pipeline(self, *, transaction: bool) -> "Answers":
        """Itself."""
        assert not transaction
        return self

    def execute_command(self, *_: Any) -> None:
        """Take a command."""

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        """The next answer."""
        assert not raise_on_error
        answer = self._answers.pop(0)
        if isinstance(answer, NoConnection):
            raise answer
        return [answer]


@pytest.mark.parametrize("trouble", [NoConnection("cut"), ResponseError("OOM command not allowed")], ids=str)
async def test_refused_ends_that_meet_trouble_are_held(tmp_path: Path, trouble: RedisError) -> None:
    """Of three ends refused together the first is recorded alone; the others wait, in order, when trouble comes."""
    outbox = Outbox(tmp_path)
    for name in "abc":
        outbox.put(Leaving(Finish(job_id=name, fence=1, state=State.SUCCEEDED, result=b"value")))
    server = Answers(ResponseError("WRONGTYPE of one of them"), [1], trouble)
    engine = Engine(
        client=server, keys=Keys(), engine_id="engine", queues=(), runner=Idle(), outbox=outbox,
        reports=Reports(None, Keys()), loop_slots=1, process_slots=0,
    )  # fmt: skip
    with pytest.raises(type(trouble)):
        await engine._exchange(outbox.take())
    assert [leaving.finish.job_id for leaving in outbox.take()] == ["b", "c"]


class Idle:
    """A runner that has nothing to run."""

    def begin(self, claim: object) -> int:
        """Never called."""
        raise NotImplementedError

    def stop(self, job_id: str, reason: str) -> None:
        """Never called."""

    def running(self) -> dict[str, int]:
        """Nothing."""
        return {}
