"""`%%job`: runs the code of a cell as a job."""

from __future__ import annotations

from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, NoReturn

from IPython.core.magic_arguments import MagicArgumentParser

from nbqueue.broker.code_lines import cell_called
from nbqueue.client import hooks
from nbqueue.client.handle import Job
from nbqueue.client.submitter import Submitter
from nbqueue.errors import NbqueueError, NotSendable
from nbqueue.inside.cells import Cell, async_cell, cell
from nbqueue.model import durations
from nbqueue.model.names import shown
from nbqueue.notebook import cell_outputs, cell_source
from nbqueue.notebook.cell_source import CellSource
from nbqueue.notebook.publish import shell
from nbqueue.notebook.slips import in_one_line, refuse, say, without_frames

#: the name of the magic
NAME = "job"

_ABOUT = """\
Run the code below as a job on a worker, and show its card.

The names that the code reads come along, modules and functions too; a name that holds a job
stands for its result. The value of the last expression is the job's result, and what is printed
its log. Code with an await runs as a coroutine, other code in a process of its own.
"""
_MORE = """\
%%job gives the handle of the job: -j NAME keeps it. The names of -o are assigned when the job has
ended, also while other cells run; with --wait before the cell ends.

For example, as the first line of a cell:
    %%job
    %%job -o model,score --name training --timeout 600
    %%job -i data --wait
"""
#: characters of a line of the help
_WIDTH = 100


class _Format(RawDescriptionHelpFormatter):
    """As wide everywhere: a notebook is no terminal that could be asked."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_WIDTH)


class _Parser(MagicArgumentParser):
    """Its errors say whose they are."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was written."""
        refuse(f"%%{NAME}: {message}. %%{NAME}? lists what it takes.")


def _parser() -> Any:
    make: Any = _Parser  # IPython has few types
    parser = make(f"%%{NAME}", description=_ABOUT, epilog=_MORE, formatter_class=_Format)
    for names, given in _OPTIONS.items():
        parser.add_argument(*names.split(), **given)
    return parser


_OPTIONS: dict[str, dict[str, Any]] = {
    "-i --input": {"action": "append", "metavar": "NAMES", "help": "the names to take along (a,b), not all it reads; "
                   "modules, functions and classes that it reads come along in any case"},
    "-o --output": {"action": "append", "metavar": "NAMES", "help": "names to assign here when the job has ended"},
    "-j --job": {"metavar": "NAME", "help": "the name to keep the handle of the job under"},
    "-w --wait": {"action": "store_true", "help": "wait for the job: the cell gives its result, or raises its error"},
    "--name": {"metavar": "LABEL", "help": "what the card shows; if not given, the cell and what it does first"},
    "--queue": {"metavar": "Q", "help": "the queue it goes into"},
    "--priority": {"metavar": "P", "help": "high, normal, low, or an integer from -99 to 99; more is sooner"},
    "--timeout": {"metavar": "S", "help": "running time: seconds, or text such as 90s, 5min, 2h or 1d"},
    "--retry": {"type": int, "metavar": "N", "help": "tries in all"},
    "--memory": {"metavar": "SIZE", "help": "what it may use, for example 2GB"},
    "--tag": {"action": "append", "metavar": "T", "help": "a text to find it by; may be given several times"},
    "-h --help": {"action": "store_true", "help": "show this, and run nothing"},
}  # fmt: skip
_PARSER = _parser()
#: each long and short form
OPTIONS = tuple(form for names in _OPTIONS for form in names.split())
#: those that take no value
SWITCHES = tuple(form for names, given in _OPTIONS.items() if "metavar" not in given for form in names.split())


def job(line: str, code: str) -> Any:
    """What `%%job` does; its help is that of its options."""
    asked = _asked(line)
    if asked.help:
        say(_PARSER.format_help())
        return None
    here = shell()
    try:
        source = cell_source.read(code, here)
    except SyntaxError as error:
        raise without_frames(error, here) from None
    wanted = _names(asked.input, "-i")
    taken = cell_source.inputs(source, here, wanted)
    cell_source.check_names(source, here)
    if wanted is not None:
        cell_source.check_inputs(source, here, taken, wanted)
    outputs = _names(asked.output, "-o") or []
    cell_source.check_outputs(source, taken, outputs)
    try:
        handle = _submitted(source, taken, outputs, asked, here)
        if asked.job:
            here.user_ns[asked.job] = handle
        return _awaited(handle) if asked.wait else handle
    except NbqueueError as error:
        in_one_line(error)
        raise


job.__doc__ = _PARSER.format_help()


def _submitted(source: CellSource, taken: dict[str, Any], outputs: list[str], asked: Namespace, here: Any) -> Job[Any]:
    """The job, once the server has accepted it."""
    submitter = Submitter({
        "label": asked.name or source.label, "queue": asked.queue, "priority": _priority(asked.priority),
        "timeout": asked.timeout, "retry": asked.retry, "memory": asked.memory, "tags": asked.tag,
        "on_done": cell_outputs.take if outputs else None,
    })  # fmt: skip
    with cell_outputs.promised(outputs, here.user_ns) if outputs else nullcontext("") as ticket:
        it = Cell(
            source=source.text, name=source.name, anchor=_anchor(here.user_ns),
            outputs=tuple(outputs), quiet=source.quiet, ticket=ticket,
            called=cell_called(source.name), left_out=cell_source.left_out(source, here, taken),
        )  # fmt: skip
        try:
            pending = submitter.submit(async_cell if source.awaits else cell, it, **taken)
        except NotSendable as error:
            raise _explained(error, asked) from None
        return pending.wait()


def _awaited(handle: Job[Any]) -> Any:
    """The result; the live card is shown meanwhile."""
    try:
        hooks.show(handle)
        return handle.wait()
    except KeyboardInterrupt as stopped:
        # also where the card was just being drawn
        in_one_line(stopped, f"nbqueue: stopped waiting; job {handle.id} goes on (job.cancel() stops it)")
        raise


def _explained(error: NotSendable, asked: Namespace) -> NotSendable:
    """In the words of a cell, and why the name comes along."""
    more = "" if asked.input else " It comes along since the code reads it."
    return NotSendable(cell_source.in_words(error) + more, path=error.path)


def _anchor(namespace: dict[str, Any]) -> Any:
    """A function of the notebook that does nothing: what travels with it shares its globals."""
    found: dict[str, Any] = {}
    exec("def anchor(): pass", namespace, found)  # noqa: S102 - nothing but this line
    return found["anchor"]


def _asked(line: str) -> Namespace:
    asked: Namespace = _PARSER.parse_argstring(line)
    for name, value in vars(asked).items():
        if isinstance(value, str):
            setattr(asked, name, _unquoted(value))
    asked.timeout = None if asked.timeout is None else _seconds(asked.timeout)
    asked.tag = [_unquoted(tag) for tag in asked.tag] if asked.tag else None
    if asked.job:
        _check_names([asked.job], "-j")
    return asked


def _names(given: list[str] | None, option: str) -> list[str] | None:
    """The names of an option that was given any number of times, with commas or without."""
    if given is None:
        return None
    found = [name.strip() for part in given for name in _unquoted(part).split(",") if name.strip()]
    _check_names(found, option)
    return list(dict.fromkeys(found))


def _check_names(found: Iterable[str], option: str) -> None:
    wrong = [name for name in found if not name.isidentifier()]
    if wrong:
        refuse(f"%%{NAME}: {option} takes plain names, and {wrong[0]!r} is none.")


def _priority(given: str | None) -> str | int | None:
    try:
        return None if given is None else int(given)
    except ValueError:
        return given


def _seconds(given: str) -> float:
    try:
        return durations.written(given)
    except ValueError:
        refuse(f"%%{NAME}: --timeout {shown(given)} is no duration: {durations.FORM}.")


def _unquoted(text: str) -> str:
    """IPython leaves quotes where they are."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
