"""Tests of the nouns."""

"""The nouns and their rules."""
