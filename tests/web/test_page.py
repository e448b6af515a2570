"""What docs/http.md says: its commands are run by a shell, and answer what stands below them."""

import os
import re
import subprocess

import pytest

from nbqueue.cli.web import web as command
from nbqueue.web.api.options import OPTIONS
from nbqueue.web.api.table import ENDPOINTS
from tests.source import ROOT
from tests.web.running import TOKEN, Web

PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
#: a command, and below it the status and a part of the answer
STEP = re.compile(r"(curl .*?)\n# ([0-9]{3}) (.*?)\n", re.DOTALL)


@pytest.mark.usefixtures("worker")
def test_the_commands_of_the_page_answer_so(web: Web) -> None:
    """Each curl command of the page, run in order, has the status and the words that the page shows."""
    steps = [step for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for step in STEP.findall(block)]
    assert len(steps) == PAGE.count("curl -si") == 9
    for typed, status, words in steps:
        ran = subprocess.run(
            ["sh", "-c", typed], capture_output=True, text=True, timeout=60, check=True,
            env={**os.environ, "URL": web.url, "TOKEN": TOKEN},
        )  # fmt: skip
        assert (ran.stdout.split()[1], words in ran.stdout) == (status, True), f"{typed}\n{ran.stdout}"


def test_the_page_has_the_options_of_a_job() -> None:
    """Its table is what a submit takes, with the same words."""
    table = PAGE.partition("## Options of a job")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE) == [(each.name, each.help) for each in OPTIONS]


def test_the_page_has_the_query_of_jobs() -> None:
    """What a list of jobs can be asked by stands with its endpoint."""
    [listing] = [each for each in ENDPOINTS if each.name == "list_jobs"]
    assert f"`GET /jobs?{'&'.join(f'{each.name}=' for each in listing.query)}`" in PAGE


def test_the_page_names_every_endpoint_and_option() -> None:
    """Nothing that can be asked is missing from the page."""
    words = {part for each in ENDPOINTS for part in each.path.split("/") if part and "{" not in part}
    options = {name for each in command.params for name in each.opts if name not in ("--url", "--home", "--namespace")}
    assert [word for word in sorted(words | options) if word not in PAGE] == []
