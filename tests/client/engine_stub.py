"""A minimal engine for tests of the client: it speaks the real wire on a real server."""

import asyncio
import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbqueue.broker import blobs, claims, codec, events, jobs, pieces, scripts
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.raised import dump_error
from nbqueue.broker.signing import Keyring
from nbqueue.model import task as tasks
from nbqueue.model.settings import Settings
from nbqueue.model.states import State


class Engine:
    """Claims and runs jobs of one queue in a thread, until it is stopped."""

    def __init__(self, settings: Settings, *, queue: str = "default", room: int = 100) -> None:
        self.id = f"stub-{secrets.token_hex(4)}"
        self.ran: list[str] = []
        self._settings, self._queue, self._room = settings, queue, room
        self._keys = Keys(settings.namespace)
        self._keyring = Keyring.load(settings.signing_key_file)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._ending = threading.Event()
        self._unsure = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name=self.id)

    def start(self) -> None:
        """Begin to claim."""
        self._thread.start()

    def stop(self) -> None:
        """Claim no more, and drop what runs."""
        self._ending.set()
        self._thread.join(10)

    async def _serve(self) -> None:
        assert self._settings.url is not None
        self._client: Any = open_redis(parse_url(self._settings.url))
        try:
            while not self._ending.is_set():
                try:
                    await self._turn()
                except scripts.TROUBLE:
                    self._unsure = True
                await asyncio.sleep(0.002)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)
            await self._client.aclose()

    async def _turn(self) -> None:
        await scripts.run(self._client, claims.lease(self._keys, [self.id], begin=True))
        if self._unsure:
            await self._give_back()
        room = self._room - len(self._running)
        claimed = await scripts.run(
            self._client,
            claims.claim(
                self._keys, queue=self._queue, queue_key=self._keys.queue(self._queue), engine=self.id,
                loop_room=room, process_room=room,
            ),
        )  # fmt: skip
        for claim in claimed.claims:
            self._running[claim.job_id] = asyncio.create_task(self._attempt(claim))
        for job_id, reason in (await claims.stops(self._client, self._keys, self.id)).items():
            if job_id in self._running and reason == "cancel":
                self._running[job_id].cancel()

    async def _give_back(self) -> None:
        """Give back jobs whose claim was answered on a connection that was cut."""
        held = await claims.held(self._client, self._keys, self.id)
        lost = [
            claims.Finish(job_id=job_id, fence=fence, state=State.QUEUED)
            for job_id, fence in held.items()
            if job_id not in self._running
        ]
        if lost:
            await scripts.run(self._client, claims.finish(self._keys, self.id, lost))
        self._unsure = False

    async def _attempt(self, claim: claims.Claim) -> None:
        self.ran.append(claim.job_id)
        try:
            end = await self._run(claim)
            while not self._ending.is_set():
                with contextlib.suppress(*scripts.TROUBLE):
                    await scripts.run(self._client, claims.finish(self._keys, self.id, [end]))
                    break
                await asyncio.sleep(0.05)
        finally:
            self._running.pop(claim.job_id, None)

    async def _run(self, claim: claims.Claim) -> claims.Finish:
        submission = claim.submission or await jobs.submission(self._client, self._keys, claim.job_id)
        assert submission is not None
        sealed = open_sealed(self._keyring, submission, kind="job", namespace=self._keys.namespace, job_id=claim.job_id)
        try:
            found = pieces.pieces_of(sealed.payload)
            read = [await blobs.read(self._client, self._keys, each.digest, each.size) for each in found]
            contents = {each.digest: data or b"" for each, data in zip(found, read, strict=True)}
            value = await self._call(claim, pieces.whole(sealed.payload, contents))
            return self._finish(claim, sealed.header, State.SUCCEEDED, codec.dump_value(value))
        except asyncio.CancelledError:
            return self._finish(claim, sealed.header, State.CANCELLED, b"")
        except Exception as error:  # noqa: BLE001 - whatever a job raises is its result
            told = dump_error(error)
            about = {"type": told.type, "message": told.message, "traceback": told.traceback}
            return self._finish(claim, sealed.header, State.FAILED, told.pickled, about)

    async def _call(self, claim: claims.Claim, payload: bytes) -> Any:
        fn, args, kwargs = codec.load_call(payload)
        if isinstance(fn, str):
            fn = tasks.registered()[fn].fn
        if fn.__name__.startswith("reporting"):
            kwargs = {**kwargs, "job": Reporter(self, claim)}
        if asyncio.iscoroutinefunction(fn):
            return await fn(*args, **kwargs)
        return await asyncio.to_thread(fn, *args, **kwargs)

    def _finish(
        self, claim: claims.Claim, header: dict[str, Any], state: State, payload: bytes, error: Any = None
    ) -> claims.Finish:
        now = round(time.time() * 1000)
        about: dict[str, Any] = {
            "kind": "result", "ns": self._keys.namespace, "id": claim.job_id, "fn": header["fn"], "fence": claim.fence,
            "attempt": claim.fence, "state": state.value, "codec": "pickle", **codec.header_versions(),
            "started_ms": claim.started_ms, "finished_ms": now,
        }  # fmt: skip
        if error:
            about["error"] = error
        keep_s = header.get("opt", {}).get("keep_result" if state is State.SUCCEEDED else "keep_error", 60.0)
        return claims.Finish(
            job_id=claim.job_id, fence=claim.fence, state=state, charge="try", keep_s=keep_s,
            result=seal(self._keyring, about, payload) if keep_s else b"",
            error_type=error["type"] if error else "", error=error["message"] if error else "", record=json.dumps({}),
        )  # fmt: skip

    async def publish(self, claim: claims.Claim, progress: dict[str, Any] | None, log: str) -> None:
        """Report as a running job does: kept, and published."""
        report = claims.Report(claim.job_id, claim.fence, progress, log)
        await scripts.run(self._client, claims.report(self._keys, self.id, [report]))
        blob = events.message(self._keyring, self._keys, claim.job_id, claim.fence, progress=progress, log=log)
        await self._client.publish(self._keys.live(claim.job_id), blob)


class Reporter:
    """What a function whose name begins with `reporting` is given, as the keyword `job`."""

    def __init__(self, engine: Engine, claim: claims.Claim) -> None:
        self._engine, self._claim = engine, claim

    async def say(self, progress: dict[str, Any] | None = None, log: str = "") -> None:
        """Report progress and lines of the log."""
        await self._engine.publish(self._claim, progress, log)


@contextmanager
def engine(settings: Settings, **given: Any) -> Iterator[Engine]:
    """An engine that runs while the block does."""
    found = Engine(settings, **given)
    found.start()
    try:
        yield found
    finally:
        found.stop()
