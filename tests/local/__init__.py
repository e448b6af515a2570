"""Tests of the local stack: real servers, real kills, each in a home of its own."""
