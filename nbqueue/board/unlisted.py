"""What a table of jobs does not list of what was chosen, in a sentence with the command that does. Pure."""

from __future__ import annotations

import shlex
from collections import Counter

from nbqueue.board.facts import Facts
from nbqueue.board.roster import STATES, Choice
from nbqueue.display import palette, wording
from nbqueue.model.states import FINAL, LIVE, State

#: characters of a command
WIDE = 160
#: what a command that lists all is asked for
_MANY = "100000"


def words(facts: Facts, choice: Choice, states: frozenset[State] | None = None) -> str:
    """What is not in the tables, in a sentence; or nothing.

    Args:
        facts: what is known.
        choice: what is wanted: of other queues, and of states that are not, nothing is said.
        states: those that are wanted, where the choice does not tell.
    """
    states = STATES.get(choice.state, frozenset(State)) if states is None else states
    waiting = sum(count for name, count in facts.unseen.items() if _is_of(name, choice)) if states & LIVE else 0
    ended = _ended(facts, choice, states)
    queues = facts.left_out if states & LIVE and not (choice.queue or choice.queue_part) else 0
    parts = [f"{queues:,} more queues" if queues else "", f"{waiting:,} more waiting jobs" if waiting else "", ended]
    found = [part for part in parts if part]
    if not found:
        return ""
    told = f"Not listed: {_and(found)}; {_elsewhere(choice, more=bool(queues or waiting), ended=bool(ended))}."
    if not (choice.text and (waiting or ended)):
        return told
    asked = _command("--tag", choice.text, queue=choice.queue)
    return f"{told} Only jobs that are listed were searched; of all, {asked} finds a tag."


def _elsewhere(choice: Choice, *, more: bool, ended: bool) -> str:
    """Where it is listed."""
    asked = _command("--limit", _MANY, queue=choice.queue)
    if choice.queue:
        return f"{asked} lists all of the queue"
    parts = ["a queue chosen above lists more of its own" if more else "", f"{asked} lists all" if ended else ""]
    return ", ".join(part for part in parts if part)


def _ended(facts: Facts, choice: Choice, states: frozenset[State]) -> str:
    """The states of which older jobs are not listed, by how many have ever ended so."""
    if not states & facts.older:
        return ""
    ever: Counter[State] = Counter()
    for stats in facts.stats:
        if _is_of(stats.name, choice):
            ever.update(stats.ended)
    listed = Counter(record.state for record in facts.jobs if _is_of(record.queue, choice))
    found = [state for state in State if state in FINAL & states & facts.older and ever[state] > listed[state]]
    return f"older {_and([palette.STATES[state].word for state in found])} jobs" if found else ""


def _is_of(queue: str, choice: Choice) -> bool:
    return choice.queue in ("", queue) and choice.queue_part in queue


def _command(*options: str, queue: str) -> str:
    line = shlex.join(["nbqueue", "jobs", *(["--queue", queue] if queue else []), *options])
    return f"`{wording.line(line, WIDE)}`"


def _and(parts: list[str]) -> str:
    """In a sentence."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
