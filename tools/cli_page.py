"""The page docs/cli.md, written from the commands themselves and from the values that they print as JSON."""

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from nbqueue.broker import checkup, memory, queues
from nbqueue.broker import retention as archived
from nbqueue.cli import COMMANDS, load, main, stack
from nbqueue.cli.spoken import EXIT_CODES
from nbqueue.model import delivery, job, progress

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
#: options that each command has that asks a server
OF_ALL = ("url", "home", "namespace")
#: command -> what `--json` prints, and the keys of its objects
SHAPES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "submit": ("an object; `result` with --wait", ("id", "existed", "result")),
    "map": ("an object; `results` with --wait", ("id", "jobs", "results")),
    "result": ("an object; of a group `jobs` and `results`; `file` with --out",
               ("id", "result", "jobs", "results", "file")),
    "wait": ("an object: id of a job -> its state, or `unknown`", ()),
    "cancel": (("an object: id -> `cancelled`, `asked`, `unknown` or `already ...`; so of `promote`, `reschedule`, "
               "`priority`, `delete`, and of `retry`, `requeue` with the ids of the new jobs"), ()),
    "jobs": ("a list, of each a job; of one ID an object with `why` and `traceback` besides",
             tuple(each.name for each in dataclasses.fields(job.JobRecord))),
    "status": ("an object; where no server answers `running` (false) and `reason`",
               ("running", "overview", "local", "reason")),
    "doctor": ("a list, of each a finding", tuple(each.name for each in dataclasses.fields(checkup.Finding))),
    "clear": ("an object", ("queue", "cleared")),
    "move": ("an object: id -> `moved`, `refused`, `unknown` or `already ...`", ()),
    "pause": (("an object, so of `resume`, `drain` and `open`; without an option a list of what is paused, without "
              "`state`"), ("kind", "name", "state")),
    "limits": ("an object: what it is for (`q:` queue, `f:` function, `k:` key) -> its limit; after one was set, that",
               ()),
    "graph": ("an object; edges as pairs of ids", ("nodes", "edges", "around", "cut")),
    "signing-key": ("a list; one object of `new`", ("id", "signs")),
    "retention": ("an object: queue -> its retention", ("age_s", "attempts")),
    "history": ("a list, of each an attempt, with the columns of [history()](history.md)", ()),
    "schedules": (("a list, of each a schedule; one object after `add` and `change`, with `existed`; of `pause`, "
                  "`resume` and `delete` an object a line with `name` and `state`; of `trigger` `id`"),
                  ("name", "state", "function", "queue", "next_at", "last_at", "last_job", "runs", "skipped", "waiting",
                   "since", "error", "times")),
    "alerts": ("a list, of each an alert, with the limits that it has; one object after `add`",
               ("id", "queue", "depth", "oldest_s", "failure_rate", "window_s", "url")),
    "webhooks": ("a list, of each word that is to be left",
                 tuple(each.name for each in dataclasses.fields(delivery.Delivery))),
    "up": ("an object", ("server", "worker", "keeper")),
    "down": ("an object", ("stopped", "before")),
}  # fmt: skip
#: values that stand in others: what they are called on the page -> where they are
VALUES: Mapping[str, type] = {
    "a job (`jobs`)": job.JobRecord, "`progress` of a job": progress.Progress, "`overview` of `status`": stack.Overview,
    "`queues` of it": queues.QueueStats, "`engines` of it, one a process that takes jobs": queues.EngineInfo,
    "`memory` of it": memory.StoreMemory, "`archive` of it": archived.Archived, "a finding (`doctor`)": checkup.Finding,
}  # fmt: skip
_FIELD = re.compile(r"^    (\w+): ")
_WIDTH = 110


def page() -> str:
    """The whole page."""
    codes = "\n".join(f"| {code} | {words} |" for code, words in EXIT_CODES.items())
    shapes = "\n".join(f"| `{name}` | {_shape(*found)} |" for name, found in SHAPES.items())
    values = "\n".join(_value(name, kind) for name, kind in VALUES.items())
    commands = "\n".join(_command(f"{name}", load(name)) for name in COMMANDS if not load(name).hidden)
    return _INTRO.format(codes=codes, shapes=shapes, values=values, commands=commands, of_all=_of_all())


_INTRO = """\
# The command `nbqueue`

This page is written by `make docs` from the commands themselves: `nbqueue --help` and `nbqueue COMMAND --help` say
the same.

Each command that asks a server has these options. Without them it goes by `NBQUEUE_URL`, `NBQUEUE_HOME` and
`NBQUEUE_NAMESPACE`, also from a `.env` file of the folder, and else by the local stack.

{of_all}

## In scripts

```console
$ id=$(nbqueue submit reports.daily '"2026-01-01"' --timeout 10min)
$ nbqueue wait "$id" --timeout 15min && nbqueue result "$id" --out report.json
```

Exit codes:

| code | meaning |
|---|---|
{codes}

One rule holds for all commands that are given ids: 1 where a job that was named by its own id was not done, as it is
unknown, runs, or had ended; what is so already (`cancel` of a cancelled job, `promote` of one that runs) is done. Of a
group, or of a search, those are left that it does not concern.

What went wrong stands in one sentence on standard error, never in standard output. Tables are for people: their
columns go and come with the width of the terminal. For scripts there is `--json`: one document, times as ISO 8601 in
UTC, lengths of time in seconds, sizes in bytes, what is not known as `null`, and so are numbers that JSON does not
have (NaN, infinities). `logs` is text alone. Keys may be added; those listed here
stay.

| command | `--json` prints |
|---|---|
{shapes}

{values}

## In a terminal

`nbqueue top` shows queues, workers and jobs live, from 40 columns and 12 lines on; what runs comes first, then what
waits, then what has ended. A group is one row. From 56 columns on the ids are there to be typed; the line above the
keys has that of the row in full. With the rights of a viewer one may open all and change nothing. It looks once a
second, sends only what has changed, and asks the server no more than the dashboard of a notebook does.

| key | what it does |
|---|---|
| arrows, `j`, `k`, page up and down | move the cursor, or scroll what is open |
| Enter | opens the job: what `nbqueue jobs ID` shows, and the end of its log; of a group its jobs |
| Esc, `q` | goes back; from the first page `q` ends it, as does Ctrl-C from any |
| Tab | goes to the queues, and back to the jobs |
| `p` | holds the queue of the row back, or lets it go on |
| `c`, `r` | cancels, or retries, the job or group of the row, or the job that is open, once `y` is pressed |
| `s` | all jobs, those that wait or run, those that did not succeed |
| `?` | says what the keys are; the last line has those that do something where you are |

`--once` prints one frame, as does an output that is no terminal.

## Completion

```console
$ source <(nbqueue completion bash)                                   # in ~/.bashrc
$ nbqueue completion zsh > ~/.zfunc/_nbqueue                          # a folder of $fpath
$ nbqueue completion fish > ~/.config/fish/completions/nbqueue.fish
```

Commands, options and their choices come from the script, so it is to be made anew with a new version. Queues, ids of
jobs and groups, schedules and functions come from the server of the line, or of the settings in force: `cancel` is
offered jobs that live, `retry` those that ended. That takes less than 0.2 s; without a server, or behind Sentinels,
there is silence.

{commands}"""


def _shape(form: str, keys: tuple[str, ...]) -> str:
    return f"{form}: {', '.join(f'`{key}`' for key in keys)}" if keys else form


def _value(name: str, kind: type) -> str:
    rows = "\n".join(f"| `{key}` | {words} |" for key, words in _fields(kind))
    return f"In {name}:\n\n| key | what it is |\n|---|---|\n{rows}\n"


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    """The fields of a class, with what is written above them."""
    said: list[str] = []
    for line in inspect.getsource(kind).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            said.append(text[2:].strip())
        elif match := _FIELD.match(line):
            yield match[1], " ".join(said).replace("|", "\\|")
            said = []


def _of_all() -> str:
    options = [each for each in load("jobs").params if isinstance(each, click.Option) and each.name in OF_ALL]
    return "\n".join(_option(each) for each in options)


def _command(name: str, command: click.Command, level: int = 2) -> str:
    with click.Context(command, info_name=f"nbqueue {name}", parent=None, max_content_width=_WIDTH) as ctx:
        usage = f"nbqueue {name} {' '.join(command.collect_usage_pieces(ctx))}"
    options = [each for each in command.params if isinstance(each, click.Option) and each.name not in OF_ALL]
    parts = [f"{'#' * level} {name}", f"```text\n{usage}\n```", _text(command)]
    if listed := "\n".join(_option(each) for each in options if not each.hidden):
        parts.append(listed)
    if example := re.search(r"Example: (.*)", command.epilog or ""):
        parts.append(f"```console\n$ {example[1]}\n```")
    inner = command.commands if isinstance(command, click.Group) else {}
    return (
        "\n\n".join(parts)
        + "\n\n"
        + "".join(_command(f"{name} {each}", found, 3) + "\n" for each, found in inner.items())
    )


def _text(command: click.Command) -> str:
    """What the help says, with its examples as such."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(f"```console\n$ {each}\n```" if _is_example(each) else _safe(each) for each in paragraphs)


def _is_example(paragraph: str) -> bool:
    return paragraph.startswith(("nbqueue ", "seq ", "source ")) and "\n" not in paragraph


def _option(option: click.Option) -> str:
    record = option.get_help_record(click.Context(main, max_content_width=_WIDTH))
    assert record is not None  # noqa: S101 - hidden ones do not come here
    names, words = record
    return f"- `{names}`: {_safe(' '.join(words.split()))}"


def _safe(text: str) -> str:
    """Text that Markdown takes as it is."""
    return re.sub(r"(?<![`\\])([<*])", r"\\\1", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
