"""The command `nbqueue`: the stack, workers, jobs and their history, from a shell."""

from __future__ import annotations

import click

from nbqueue.broker.codec import header_versions
from nbqueue.cli.acl import acl
from nbqueue.cli.alerts import alerts
from nbqueue.cli.changing import priority, promote, reschedule
from nbqueue.cli.dashboard import dashboard
from nbqueue.cli.doctor import doctor
from nbqueue.cli.graph import graph
from nbqueue.cli.holding import drain, limits, open_queue, pause, resume
from nbqueue.cli.job import cancel, logs, submit
from nbqueue.cli.jobs import jobs
from nbqueue.cli.keeping import retention
from nbqueue.cli.mapping import map_items
from nbqueue.cli.past import demo, history
from nbqueue.cli.reach import Group
from nbqueue.cli.removing import clear, delete, move, requeue_jobs, retry
from nbqueue.cli.schedules import schedules
from nbqueue.cli.signing_keys import signing_key
from nbqueue.cli.stack import down, status, up
from nbqueue.cli.web import web
from nbqueue.cli.webhooks import webhooks
from nbqueue.cli.worker import worker

__all__ = ["main"]

main = Group(
    "nbqueue",
    help="Background jobs for Jupyter notebooks: look after servers, workers and jobs from a shell.",
    epilog="Exit codes: 0 done, 1 an error, 2 wrong usage, 130 interrupted; of `status` also 3, not running.",
    commands=[up, down, status, worker, submit, map_items, jobs, cancel, retry, requeue_jobs, delete, promote,
              reschedule, priority, move, logs, graph, pause, resume, limits, drain, open_queue, clear, history,
              retention, schedules, alerts, webhooks, web, dashboard, signing_key, acl, demo, doctor],
)  # fmt: skip
click.version_option(header_versions()["v"], prog_name="nbqueue", message="%(prog)s %(version)s")(main)
