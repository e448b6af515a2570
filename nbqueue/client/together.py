"""Jobs that were found are waited for as those of a group are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from typing import Any

from nbqueue.client.group import JobGroup
from nbqueue.client.pending import Pending
from nbqueue.model.durations import Duration


class Together:
    """`await found` (or `found.wait()`) gives the results of all in their order, or an error as a group does."""

    @abstractmethod
    def _whole(self) -> JobGroup[Any]:
        """All of them as one."""

    def __await__(self) -> Generator[Any, None, list[Any]]:
        return self._whole().__await__()

    def wait(self, timeout: Duration | None = None) -> list[Any]:
        """The same for code that cannot await; see `JobGroup.wait`."""
        return self._whole().wait(timeout)

    def results(self, *, return_errors: bool = False) -> Pending[list[Any]]:
        """The results once all have ended; with `return_errors`, errors stand in their places and nothing is raised."""
        return self._whole().results(return_errors=return_errors)
