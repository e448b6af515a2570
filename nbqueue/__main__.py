"""`python -m nbqueue` is the command `nbqueue`."""

from nbqueue.cli import main

if __name__ == "__main__":
    main(prog_name="nbqueue")
