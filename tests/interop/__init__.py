"""Tests of submitting and following."""
