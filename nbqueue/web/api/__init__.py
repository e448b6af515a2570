"""The API under /api/v1: what programs in any language can do with the queue."""
