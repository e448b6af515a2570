"""Run jobs: supervisor, engines and the children that user code runs in."""
