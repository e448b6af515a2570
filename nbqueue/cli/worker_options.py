"""The options of `nbqueue worker`, in the groups of its help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from nbqueue.cli.durations import Seconds
from nbqueue.cli.ranges import Whole
from nbqueue.errors import ConfigurationError
from nbqueue.model import durations, log_lines, scaling
from nbqueue.model.names import shown

#: an engine holds some 60 MB before it has run anything; below this it would be renewed after each job
LEAST_MEMORY = 128 * 10**6


class Processes(click.ParamType[scaling.Span]):
    """The type of `--processes`: `4`, or the least and the most, `1:8`."""

    name = "processes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> scaling.Span:
        """The least and the most of a text."""
        try:
            return value if isinstance(value, scaling.Span) else scaling.span(str(value))
        except ConfigurationError:
            most = scaling.MOST_ENGINES
            self.fail(f"{shown(value)} is neither a number from 1 to {most} nor two of them, as in 1:8.", param, ctx)


class Size(click.ParamType[int]):
    """The type of an option that takes an amount of memory; its value is bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The bytes of a text."""
        try:
            found = durations.process_bytes(value)
        except ConfigurationError:
            found = 0
        if found < LEAST_MEMORY:
            self.fail(
                f"{shown(value)} is no size from {LEAST_MEMORY // 10**6}MB on, which a worker itself needs: give text"
                ' such as "2GB" or "512MiB".', param, ctx,
            )  # fmt: skip
        return found


_WHICH = (
    click.option("--queues", metavar="A=6,B=3", default="default",
                 help="Queues to serve; a number is the weight of its share.  [default: default]"),
    click.option("--strict", is_flag=True,
                 help="Serve a queue only while those before it, or heavier, have nothing."),
    click.option("--queue-concurrency", metavar="A=5,B=1", default="",
                 help="Jobs at once of single queues, in the whole worker."),
    click.option("--resources", metavar="GPU=1,B=2", default="",
                 help="What jobs may need of this worker, and use up while they run."),
    click.option("--labels", metavar="GPU,SITE=X", default="",
                 help="What jobs may ask of it that is not used up."),
    click.option("--only-registered", is_flag=True,
                 help="Run the functions of MODULE alone, with plain data as arguments: no code travels."),
)  # fmt: skip
_HOW_MUCH = (
    click.option("--processes", "span", type=Processes(), default="1", show_default=True, metavar="N|MIN:MAX",
                 help="Engines: processes that claim jobs, each with its slots. MIN:MAX follows the queues."),
    click.option("--slots", type=Whole(min=1), metavar="N",
                 help="Child processes at once in each engine.  [default: one a core]"),
    click.option("--concurrency", type=Whole(min=1), default=200, show_default="200", metavar="N",
                 help="Coroutines at once in each engine."),
)  # fmt: skip
_RENEWING = (
    click.option("--burst", is_flag=True,
                 help="End when nothing is left to do: no job waits for its time, a limit or its next try."),
    click.option("--drain-timeout", "drain_timeout_s", type=Seconds(0), default=30.0, show_default=True, metavar="S",
                 help="Seconds that running jobs get to finish after the first SIGTERM."),
    click.option("--max-jobs", type=Whole(min=1), metavar="N",
                 help="Renew an engine that has begun about so many jobs; what runs finishes."),
    click.option("--memory", "memory_bytes", type=Size(), metavar="SIZE",
                 help='Renew one whose processes hold more together ("4GB"); what runs finishes.'),
    click.option("--reload", is_flag=True,
                 help="Renew engines when a .py file below this folder changes, for development."),
)  # fmt: skip
_WATCHING = (
    click.option("--check", is_flag=True,
                 help="Run nothing: say whether a worker of this machine serves these queues; exit code 3 where none "
                 "does."),
    click.option("--json", "json_wanted", is_flag=True, help="With --check, print JSON."),
    click.option("--health", metavar="HOST:PORT", default="",
                 help="Say over HTTP how the worker is: GET /live, /ready and /metrics."),
    click.option("--log-format", type=click.Choice(log_lines.FORMATS), default="text", show_default=True,
                 help="What its log is: lines for people, or a JSON object a line."),
    click.option("--log-rate", type=Whole(min=0), default=100, show_default=True, metavar="N",
                 help="Jobs a second that each engine logs; the others are counted. 0: none are logged."),
)  # fmt: skip
_TELLING = (
    click.option("--webhook-hosts", metavar="A,B", default="",
                 help="Hosts at which word of a job's end may be left: hooks.example.com, *.corp.example, host:8443.  "
                 "[default: none]"),
    click.option("--webhook-private", is_flag=True, help="These may be on private networks or this machine."),
    click.option("--webhook-tries", type=Whole(min=1, max=100), default=8, show_default=True, metavar="N",
                 help="How often word is sent that is not heard."),
    click.option("--webhook-backoff", "webhook_backoff_s", type=Seconds(0.01), default=5.0, show_default=True,
                 metavar="S", help="Seconds before it is sent again, each further time four times as long."),
    click.option("--archive", "archive_folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                 help="Move attempts beyond their retention into Parquet files there, each hour."),
)  # fmt: skip
_WHERE = (
    click.option("--key-file", type=click.Path(path_type=Path), help="File of the signing keys."),
    click.option("--config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="TOML file with these options, or with a table [tool.nbqueue.worker] of them."),
)  # fmt: skip
#: headings of the help, and the names of the options below each
GROUPS = {
    "Which jobs": ("queues", "strict", "queue_concurrency", "resources", "labels", "only_registered"),
    "How many at once": ("processes", "slots", "concurrency"),
    "Its end, and renewal": ("burst", "drain_timeout", "max_jobs", "memory", "reload"),
    "Looking after it": ("check", "json", "health", "log_format", "log_rate"),
    "Telling and keeping": ("webhook_hosts", "webhook_private", "webhook_tries", "webhook_backoff", "archive"),
    "Where": ("url", "namespace", "home", "key_file", "config", "help"),
}


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All of them, in order."""
    for option in reversed((*_WHICH, *_HOW_MUCH, *_RENEWING, *_WATCHING, *_TELLING, *_WHERE)):
        command = option(command)
    return command
