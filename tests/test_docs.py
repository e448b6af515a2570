"""What the README and the docs say is true: their code runs, their generated parts are current."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pages
from tests.source import ROOT
from tools import api_page, cli_page, states_page

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
WITH_CELLS = [page for page in PAGES if pages.cells(page)]
SCRIPTS = [(page, number) for page in PAGES for number in range(len(pages.scripts(page)))]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
INSTALL = re.compile(r"pip install (.)(nbqueue|\.)\[([^\]]+)\]")
TARGET = re.compile(r"\bmake ([a-z-]+)")


@pytest.fixture
def local_stack() -> Iterator[None]:
    """Ends the server and the worker that the code on a page has started."""
    yield
    _run("-c", "from nbqueue.cli import main; main()", "down", timeout_s=20)


@pytest.mark.usefixtures("local_stack")
@pytest.mark.parametrize("page", WITH_CELLS, ids=lambda page: page.name)
def test_the_cells_of_a_page_run(page: Path) -> None:
    """The code blocks of a page, run in order as the cells of one notebook, do what the page says."""
    _run(str(ROOT / "tests" / "pages.py"), str(page))


@pytest.mark.usefixtures("local_stack")
@pytest.mark.parametrize(("page", "number"), SCRIPTS, ids=lambda value: getattr(value, "name", value))
def test_a_script_of_a_page_runs(page: Path, number: int, home: Path) -> None:
    """A code block marked as a script runs by itself, with nothing started before."""
    script = home.parent / "work" / "script.py"
    script.write_text(pages.scripts(page)[number], encoding="utf-8")
    _run(str(script))


def test_who_lacks_an_extra_is_told_how_to_install_it() -> None:
    """Code names it as it is added to an nbqueue that is there, pages as it is installed in a clone; each exists."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    pages_by_hand = [page for page in PAGES if page not in (api_page.PAGE, ROOT / "README.md")]
    for files, name in ((sorted((ROOT / "nbqueue").rglob("*.py")), "nbqueue"), (pages_by_hand, ".")):
        said = [(file.name, *each) for file in files for each in INSTALL.findall(file.read_text(encoding="utf-8"))]
        assert [each for each in said if each[1:3] != ("'", name)] == []
        assert {extra for *_, wanted in said for extra in wanted.split(",")} <= {*extras, "{extra}"}


def test_no_block_is_left_out() -> None:
    """Every Python block of a page is a cell or a script."""
    assert {page.name: marks for page in PAGES if (marks := pages.unknown_marks(page))} == {}


def test_the_page_of_states_is_current() -> None:
    """docs/states.md is what `make docs` writes from the table of states."""
    assert states_page.PAGE.read_text(encoding="utf-8") == states_page.page()


def test_the_page_of_names_is_current() -> None:
    """docs/api.md is what `make docs` writes from the docstrings."""
    assert api_page.PAGE.read_text(encoding="utf-8") == api_page.page()


def test_the_page_of_commands_is_current() -> None:
    """docs/cli.md says what the commands themselves say; `make docs` writes it."""
    assert cli_page.PAGE.read_text(encoding="utf-8") == cli_page.page()


def test_links_lead_somewhere() -> None:
    """Each link of a page to another file of the repository finds it."""
    broken = [
        f"{page.name}: {target}"
        for page in TEXTS
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_the_commands_named_in_texts_exist() -> None:
    """Each `make x` that a text names is a target of the Makefile, and `make help` lists every target."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    code = (
        span
        for page in TEXTS
        for span in re.findall(r"`[^`\n]+`|^    .*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    )
    named = {target for span in code for target in TARGET.findall(span)}
    assert named - listed == set()
    assert set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) - {"always"} == listed


def _run(*arguments: str, timeout_s: float = 100) -> None:
    """Run Python in the test's own folder; what it wrote is shown when it fails, and the jobs when it stands still."""
    command = [sys.executable, "-P", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            told = running.communicate(timeout=timeout_s)[0]
        except subprocess.TimeoutExpired:
            queued = subprocess.run([sys.executable, "-P", "-m", "nbqueue", "jobs"], capture_output=True, check=False)
            running.kill()
            told = f"{running.communicate()[0]}\nIt stood still for {timeout_s} s.\n{queued.stdout.decode()}"
    assert running.returncode == 0, told
