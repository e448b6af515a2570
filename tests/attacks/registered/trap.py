"""A module that nobody asked for: it leaves a file where it is imported."""

import os
from pathlib import Path

Path(os.environ["TRAP"]).touch()
