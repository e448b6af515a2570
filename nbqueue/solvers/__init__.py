"""Solvers as plain functions, in a job or outside: they tell how they get on, stop when asked, and resume.

A module for each library; none is imported before something is solved with it.
"""

from nbqueue.solvers.calls import call
from nbqueue.solvers.criterion import stopping

__all__ = ["call", "stopping"]
