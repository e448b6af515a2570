"""The folders of kernels' sockets: what killed processes leave is taken away."""

import os
import subprocess
import sys
import time
from pathlib import Path

from nbqueue.evaluators.notebook_sockets import Sockets, sweep


def test_what_a_killed_process_has_left_is_swept(tmp_path: Path) -> None:
    """The folder of a process that lives stays, as does a new one; that of a dead one goes."""
    lives = Sockets(tmp_path)
    code = "import os, pathlib, sys; from nbqueue.evaluators.notebook_sockets import Sockets; "
    code += "Sockets(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    sweep(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    for folder in tmp_path.iterdir():
        os.utime(folder, (time.time() - 600,) * 2)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [lives.folder]
    lives.remove()
    assert list(tmp_path.iterdir()) == []
