"""The picture docs/card.png: a solver run in a real JupyterLab, its card as it moves."""

import os
import shutil
import tempfile
from pathlib import Path

from nbqueue.local import stack
from nbqueue.model.settings import Settings
from tests.browser.lab import opened, running_lab
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "card.png"
WIDTH, HEIGHT = 980, 640
SOLVE = """model = model_of("abz7")                  # 20 orders on 15 machines

job = await nbqueue.options(preset="solver", label="abz7").submit(cpsat.solve, model, log=True)
job"""
CELLS = (
    "%load_ext nbqueue\nfrom nbqueue.solvers import cpsat\nfrom shop import model_of",
    SOLVE,
    'print("the kernel is free: other cells run while the card above moves")',
    "await job.cancel()",
)


def draw() -> None:
    """Run the cells, wait for curves, and keep what is seen."""
    with tempfile.TemporaryDirectory(prefix="nbq-") as place:
        folder, home = Path(place, "notebooks"), Path(place, "home")
        folder.mkdir()
        home.mkdir(mode=0o700)
        shutil.copy(ROOT / "notebooks" / "jobshop.json", folder)
        (folder / "shop.py").write_text(_shop(), encoding="utf-8")
        try:
            with running_lab(folder, NBQUEUE_HOME=str(home), PYDEVD_DISABLE_FILE_VALIDATION="1") as lab:
                lab.write("scheduling.ipynb", CELLS)
                with opened(lab, "scheduling.ipynb", width=WIDTH, height=HEIGHT) as notebook:
                    for number in range(3):
                        notebook.run(number)
                    card = notebook.output(1)
                    wait_until(lambda: "gap" in card.inner_text() and card.get_by_role("img").count() > 0, 30)
                    notebook.page.wait_for_timeout(8_000)
                    notebook.page.mouse.move(5, HEIGHT - 5)
                    notebook.page.screenshot(path=PICTURE)
                    notebook.run(3)
        finally:
            stack.stop(Settings(home=home))


def _shop() -> str:
    """The functions of the scheduling notebook that make its models."""
    import json

    book = json.loads((ROOT / "notebooks" / "scheduling.ipynb").read_text(encoding="utf-8"))
    [source] = ["".join(cell["source"]) for cell in book["cells"] if cell["id"] == "model"]
    head = 'import json\nshops = {each["name"]: each for each in json.load(open("jobshop.json"))["instances"]}\n'
    made = source.partition("\n\n\ndef draw")[0].replace("def model_of(shop):", "def _model_of(shop):")
    return f"{head}{made}\n\n\ndef model_of(name):\n    return _model_of(shops[name])[0]\n"


if __name__ == "__main__":
    os.environ.pop("NBQUEUE_URL", None)
    draw()
