"""The dashboard: queues, workers, what ended when, and a table of jobs to act on."""
