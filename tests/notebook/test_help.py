"""Help in a notebook, as a real kernel answers it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from nbqueue.model.settings import Settings
from tests.notebook.kernels import Kernel, running_kernel


@pytest.fixture
def kernel(settings: Settings) -> Iterator[Kernel]:
    """A kernel with the extension."""
    with running_kernel(NBQUEUE_URL=str(settings.url), NBQUEUE_HOME=str(settings.home)) as kernel:
        kernel.run("%load_ext nbqueue")
        yield kernel


def test_help_is_there(kernel: Kernel) -> None:
    """`%nbqueue?` has a line for each verb, `%%job?` one for each option, `submit?` its arguments; with examples."""
    found = {}
    for code in ("%nbqueue?", "?%nbqueue", "%%job?", "submit?"):
        [payload] = kernel.client.execute(code, reply=True, timeout=30)["content"]["payload"]
        assert payload["source"] == "page"
        found[code] = re.sub(r"\x1b\[[0-9;]*m", "", payload["data"]["text/plain"])
    assert found["%nbqueue?"] == found["?%nbqueue"]
    assert "\n    cancel ID ... | OPTIONS    stop jobs\n" in found["%nbqueue?"]
    assert "\n    %nbqueue cancel 4f0c2a91 training\n" in found["%nbqueue?"]
    # from 3.13 on the column is where short and long names of an option need it
    assert re.search(
        r"\n  --timeout S {5,}running time: seconds, or text such as 90s, 5min, 2h or 1d\n", found["%%job?"]
    )
    assert "\n    %%job -o model,score --name training --timeout 600\n" in found["%%job?"]
    assert [max(map(len, found[code].splitlines())) <= 100 for code in ("%nbqueue?", "%%job?")] == [True, True]
    assert "Raises:\n    NotSendable" in found["submit?"]


def test_help_of_a_cell_runs_nothing(kernel: Kernel) -> None:
    """`%%job -h` prints what `%%job?` shows, and the code below is left alone."""
    assert kernel.printed("%%job -j kept -h\nunknown").startswith("usage: %%job [-i NAMES]")
    assert kernel.printed("print('kept' in globals())") == "False\n"
