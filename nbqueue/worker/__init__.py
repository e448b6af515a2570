"""Run jobs: supervisor and engines; the processes that user code runs in are in `children`."""
