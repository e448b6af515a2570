"""What `%nbqueue jobs`, `cancel`, `retry`, `delete` and `requeue` look for: the options of the shell's commands."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any, NoReturn

from nbqueue.client.attaching import Found
from nbqueue.client.filters import FILTERS, asked
from nbqueue.client.handle import Job
from nbqueue.client.known import jobs
from nbqueue.client.preview import Verb, states_for
from nbqueue.client.selection import Selection
from nbqueue.client.session import session
from nbqueue.display import wording
from nbqueue.notebook.slips import refuse, say

#: options that say which jobs
NARROW = tuple(f"--{name}" for name in FILTERS)
#: what a verb takes beside them
MORE = {"jobs": ("--limit",), "retry": ("--again", "--dry-run"), "requeue": ("--to", "--again", "--dry-run")}
_MORE = ("--dry-run",)
#: those that take no value
SWITCHES = ("--dry-run", "--again")
#: of jobs that could not be retried so many are told why, in so many characters
REFUSED, WIDE = 5, 300

_WORDS = {
    "--limit": "at most so many", "--to": "where they go", "--dry-run": "say only what would be done",
    "--again": "those too that were retried before",
}  # fmt: skip


class _Parser(ArgumentParser):
    """Its errors say whose they are."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was written."""
        refuse(f"{self.prog}: {message}. {self.prog} -h lists what it takes.")


def options(verb: str) -> tuple[str, ...]:
    """The options of a verb; none of one that looks for nothing."""
    return (*NARROW, *MORE.get(verb, _MORE)) if verb in VERBS else ()


def split(line: str) -> list[str]:
    """The words of a line; quotes keep some together, and a backslash is one."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    try:
        return list(lexer)
    except ValueError:
        refuse("A quotation mark is not closed.")


def help_of(verb: str) -> str:
    """A line for each option of a verb."""
    lines = [(f"--{name} {each.metavar}", each.help[:1].lower() + each.help[1:].rstrip(".")) for name, each in _ALL]
    lines += [(f"{name} {'' if name in SWITCHES else name[2:].upper()}", _WORDS[name]) for name in options(verb)
              if name in _WORDS]  # fmt: skip
    return "\n".join(f"    {name:<24}{told}" for name, told in lines)


_ALL = tuple(FILTERS.items())


def read(verb: str, words: Sequence[str]) -> Namespace:
    """The ids, and what was said of the jobs that are meant as `narrow`."""
    parser = _Parser(prog=f"%nbqueue {verb}", add_help=False, allow_abbrev=False)
    parser.add_argument("ids", nargs="*")
    for name, each in FILTERS.items():
        many: dict[str, Any] = {"action": "append"} if each.many else {}
        parser.add_argument(f"--{name}", choices=each.words or None, **many)
    for name in options(verb)[len(NARROW) :]:
        parser.add_argument(name, **_type(name))
    found_words = parser.parse_intermixed_args(list(words))
    names = (each.replace("-", "_") for each in FILTERS)
    found_words.narrow = asked({name: getattr(found_words, name) for name in names})
    return found_words


def _type(name: str) -> dict[str, Any]:
    if name in SWITCHES:
        return {"action": "store_true"}
    return {"type": int} if name == "--limit" else {"default": ""}


def found(verb: Verb, given: Namespace) -> Selection:
    """The jobs that a verb is meant for: those of a search, or those named."""
    if given.narrow:
        return jobs.where(**{"state": states_for(verb), **given.narrow}).wait()
    here = session()
    records = [Job[Any](job_id, of=here).info().wait() for job_id in given.ids]
    return Selection(Found(records=records), "those named", here)


def act(verb: Verb, given: Namespace) -> None:
    """Do what a verb says, and say what became of it; with --dry-run what it would do, and nothing else."""
    meant, queue = found(verb, given), getattr(given, "to", "")
    # what is named is meant, whatever became of it
    anyway = bool(given.ids) or getattr(given, "again", False)
    if given.dry_run:
        say(str(meant.preview(verb, queue=queue, again=anyway)))
    elif verb in ("cancel", "delete"):
        counts = (meant.cancel() if verb == "cancel" else meant.delete()).wait()
        say(", ".join(f"{count:,} {answer}" for answer, count in counts.items()) or "Nothing was done.")
    else:
        again = (meant.retry(again=anyway) if verb == "retry" else meant.requeue(queue, again=anyway)).wait()
        say(f"{len(again):,} {'job waits' if len(again) == 1 else 'jobs wait'} to run.")
        for why in list(again.refused.values())[:REFUSED]:
            say(wording.line(why, WIDE))
        if len(again.refused) > REFUSED:
            say(f"... and {len(again.refused) - REFUSED:,} more")


#: those that take such options
VERBS = ("jobs", "cancel", "retry", "delete", "requeue")
