"""The history of the queue as frames, charts and files."""
