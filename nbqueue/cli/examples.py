"""One example of each command, for its help."""

from __future__ import annotations

from collections.abc import Mapping

import click

EXAMPLES: Mapping[str, str] = {
    "up": "nbqueue up && nbqueue status",
    "down": "nbqueue down --timeout 1min",
    "status": "nbqueue status --json | jq .overview.queues",
    "worker": "nbqueue worker shop.tasks --queues default,nightly",
    "jobs": "nbqueue jobs --state failed --since 2h",
    "cancel": "nbqueue cancel --queue default --function shop.solve --yes",
    "retry": "nbqueue retry --dead default --dry-run",
    "requeue": "nbqueue requeue 3f2a9c --to nightly",
    "delete": "nbqueue delete --tag trial --until 7d --yes",
    "promote": "nbqueue promote 3f2a9c",
    "reschedule": "nbqueue reschedule 3f2a9c --at 2030-01-31T08:00+01:00",
    "priority": "nbqueue priority 3f2a9c --to high",
    "move": "nbqueue move 3f2a9c --to nightly",
    "logs": "nbqueue logs 3f2a9c --follow",
    "graph": "nbqueue graph 3f2a9c --mermaid > jobs.mmd",
    "pause": "nbqueue pause --queue default",
    "resume": "nbqueue resume --queue default",
    "limits": "nbqueue limits --function shop.fetch --rate 20/min",
    "drain": "nbqueue drain nightly",
    "open": "nbqueue open nightly",
    "clear": "nbqueue clear default --state scheduled --older-than 7d",
    "history": "nbqueue history --since 7d --state failed --csv failures.csv",
    "history archive": "nbqueue history archive ~/jobs --older-than 7d",
    "retention": "nbqueue retention default --age 90d",
    "schedules": "nbqueue schedules",
    "schedules list": "nbqueue schedules list --json",
    "schedules change": 'nbqueue schedules change nightly "0 7 * * *"',
    "schedules pause": "nbqueue schedules pause nightly",
    "schedules resume": "nbqueue schedules resume nightly",
    "schedules trigger": "nbqueue schedules trigger nightly",
    "schedules delete": "nbqueue schedules delete nightly",
    "alerts": "nbqueue alerts",
    "alerts list": "nbqueue alerts list --queue default",
    "alerts add": "nbqueue alerts add default --depth 1000 --webhook https://example.org/word",
    "alerts remove": "nbqueue alerts remove default a1b2c3",
    "webhooks": "nbqueue webhooks list",
    "webhooks list": "nbqueue webhooks list --failed",
    "webhooks retry": "nbqueue webhooks retry --failed",
    "webhooks secret": "nbqueue webhooks secret",
    "web": "nbqueue web --port 8080",
    "dashboard": "nbqueue dashboard --read-only",
    "signing-key": "nbqueue signing-key list",
    "signing-key new": "nbqueue signing-key new",
    "signing-key list": "nbqueue signing-key list --json",
    "signing-key rotate": "nbqueue signing-key rotate",
    "signing-key remove": "nbqueue signing-key remove 3f2a9c01",
    "signing-key export": "nbqueue signing-key export | ssh HOST nbqueue signing-key import",
    "signing-key import": "nbqueue signing-key import < team.keys",
    "acl": "nbqueue acl --role worker --user nbqueue-worker",
    "demo": "nbqueue demo --into demo",
    "doctor": "nbqueue doctor --url redis://host:6379/0",
}


def with_example(name: str, command: click.Command) -> click.Command:
    """The command, whose help ends with its example; so those of its own commands."""
    if name in EXAMPLES and "Example:" not in (command.epilog or ""):
        command.epilog = "\n\n".join(part for part in (command.epilog, f"Example: {EXAMPLES[name]}") if part)
    for each, inner in (command.commands if isinstance(command, click.Group) else {}).items():
        with_example(f"{name} {each}", inner)
    return command
