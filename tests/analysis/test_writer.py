"""What writers of files leave beside them where they are killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from nbqueue.analysis.export import export_csv
from tests.disks import needs_root


@pytest.mark.parametrize("name", ["x.csv", "x.xlsx"])
def test_what_a_killed_writer_left_goes_after_a_day(name: str, tmp_path: Path) -> None:
    """The next file in its folder removes it; what is younger, a link, or named otherwise stays."""
    code = f"""if True:
        import os
        from nbqueue.analysis.export import format_of
        from nbqueue.analysis.files.writer import Writer
        from tests.analysis.histories import frame, record
        writer = Writer({str(tmp_path / name)!r}, format_of({name!r}))
        writer.add(frame([record()]))
        os.kill(os.getpid(), 9)
    """
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    left = list(tmp_path.iterdir())
    assert left
    kept = {".nbqueue-0123456789ab.parts", "nbqueue-0123456789ab.part", ".nbqueue-mine.part", "target"}
    for each in kept:
        (tmp_path / each).touch()
    (tmp_path / ".nbqueue-0123456789ab.part").symlink_to(tmp_path / "target")
    _age(tmp_path, 23 * 3600)
    export_csv(pd.DataFrame({"a": [1]}), tmp_path / "y.csv")
    assert set(left) < set(tmp_path.iterdir())
    _age(tmp_path, 25 * 3600)
    export_csv(pd.DataFrame({"a": [1]}), tmp_path / "y.csv")
    assert {each.name for each in tmp_path.iterdir()} == {*kept, ".nbqueue-0123456789ab.part", "y.csv"}


@needs_root
def test_what_others_left_stays(tmp_path: Path) -> None:
    """A file of another user is none of ours."""
    other = tmp_path / ".nbqueue-0123456789ab.part"
    other.touch()
    _age(tmp_path, 25 * 3600)
    os.chown(other, 12345, 12345)
    export_csv(pd.DataFrame({"a": [1]}), tmp_path / "y.csv")
    assert other.exists()


def _age(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    for each in folder.iterdir():
        os.utime(each, (then, then), follow_symlinks=False)
