"""What the logs of solvers say of their searches, line by line; pure, and no line is wrong."""

from nbqueue.solvers.logs.log import Log
from nbqueue.solvers.logs.reading import Reading

__all__ = ["Log", "Reading"]
