"""The retry policy of a job on the command line: `--retry` and what says more of it."""

from __future__ import annotations

from typing import Any

import click

from nbqueue.cli.durations import SECONDS
from nbqueue.errors import ConfigurationError
from nbqueue.model.retry import RetryPolicy

#: name of a parameter -> its option, and the field of the policy that it gives
_FIELDS = {
    "retry": ("--retry", "max_tries"),
    "backoff": ("--backoff", "backoff"),
    "retry_base": ("--retry-base", "base"),
    "retry_factor": ("--retry-factor", "factor"),
    "retry_cap": ("--retry-cap", "cap"),
    "retry_jitter": ("--retry-jitter", "jitter"),
    "retry_on": ("--retry-on", "on"),
    "retry_never_on": ("--retry-never-on", "never_on"),
}
_DEFAULTS = RetryPolicy()

#: in the order of the help
RETRY_OPTIONS = (
    click.option("--retry", type=int, default=None, metavar="N",
                 help=f"Tries in all; {_DEFAULTS.max_tries} where only other parts of a policy are given."),
    click.option("--backoff", type=click.Choice(["exponential", "fixed"]), default=None,
                 help="Whether the waits between tries grow; exponential."),
    click.option("--retry-base", type=SECONDS, default=None, metavar="S",
                 help=f"Seconds before the second try; {_DEFAULTS.base:g}."),
    click.option("--retry-factor", type=float, default=None, metavar="X",
                 help=f"What each further wait is multiplied by; {_DEFAULTS.factor:g}."),
    click.option("--retry-cap", type=SECONDS, default=None, metavar="S",
                 help=f"The longest wait in seconds; {_DEFAULTS.cap:g}."),
    click.option("--retry-jitter", type=float, default=None, metavar="X",
                 help=f"The share of a wait that chance may take away, 0 to 1; {_DEFAULTS.jitter:g}."),
    click.option("--retry-on", multiple=True, metavar="NAME",
                 help="Class name of an error that is retried; several times. All if not given."),
    click.option("--retry-never-on", multiple=True, metavar="NAME",
                 help="Class name of an error that is never retried; several times."),
)  # fmt: skip


def with_policy(given: dict[str, Any]) -> dict[str, Any]:
    """The options of a job that were given, those of its retries as one policy.

    Raises:
        ConfigurationError: a field of the policy cannot be meant; says of which option.
    """
    found = {name: value for name, value in given.items() if name not in _FIELDS}
    fields = {}
    for name, (option, field) in _FIELDS.items():
        # by identity: 0.0 is a number that was given
        if (value := given.get(name)) is not None and value != ():
            fields[field] = _checked(option, field, value)
    return {**found, "retry": RetryPolicy(**fields)} if fields else found


def _checked(option: str, field: str, value: Any) -> Any:
    try:
        RetryPolicy(**{field: value})
    except ConfigurationError as error:
        raise ConfigurationError(f"{option}: {error}") from None
    return value
