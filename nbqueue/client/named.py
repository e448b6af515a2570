"""What is looked for, by name: a function may be given as itself, an error as its class, the rest as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import check_queue, shown
from nbqueue.model.task import Task, function_label

#: a function, or its qualified name
Named = Callable[..., Any] | str
#: the class of an error, its name, a part of the message, or a pattern that "Type: message" has to match
NamedError = type[BaseException] | str | re.Pattern[str]


def name_of(function: object) -> str:
    """The name that jobs of a function have: its qualified name, or that of the task."""
    if isinstance(function, Task):
        return function.name
    if isinstance(function, str) or callable(function):
        return function_label(function) if function else ""
    raise ConfigurationError(f"function={shown(function)} cannot be used: give the function, or its qualified name.")


def error_named(error: object) -> str | re.Pattern[str]:
    """The name of a class of errors, or the text or pattern that is looked for; empty for any error."""
    if isinstance(error, str) or (isinstance(error, re.Pattern) and isinstance(error.pattern, str)):
        return error
    if isinstance(error, type) and issubclass(error, BaseException):
        return error.__name__
    raise ConfigurationError(
        f"error={shown(error)} cannot be used: give a class of exceptions, its name, a part of the message, or "
        "re.compile() of a text."
    )


def queue_named(queue: object) -> str:
    """The queue that is looked in, checked; empty for any queue."""
    return "" if isinstance(queue, str) and not queue else check_queue(queue)


def group_named(group: object) -> str:
    """The id of the group that is meant; empty for none."""
    if isinstance(group, str):
        return group
    raise ConfigurationError(f"group={shown(group)} cannot be used: give the id of a group, as in group=group.id.")


def tag_named(tag: object) -> str:
    """The tag that is looked for; empty for any job."""
    if isinstance(tag, str):
        return tag
    raise ConfigurationError(f"tag={shown(tag)} cannot be used: give the text of one tag.")
