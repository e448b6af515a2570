"""Tests of the history as frames, charts and files."""
