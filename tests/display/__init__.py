"""Tests of what is drawn of a job."""
