"""`python -m nbqueue.demo` is `nbqueue demo`."""

import sys

from nbqueue.cli import main

if __name__ == "__main__":
    main(["demo", *sys.argv[1:]], prog_name="nbqueue")
