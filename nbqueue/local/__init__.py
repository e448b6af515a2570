"""The local stack: an embedded server and its worker, started on first use."""
