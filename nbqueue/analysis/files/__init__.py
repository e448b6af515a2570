"""Frames as files: one format a module, and one way to write a file that is whole or not there."""
