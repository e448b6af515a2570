"""`python -m nbqueue.demo` is `nbqueue demo`."""

from nbqueue.cli import main

if __name__ == "__main__":
    main(["demo"], prog_name="nbqueue")
