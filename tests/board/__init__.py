"""Tests of what a dashboard knows."""
