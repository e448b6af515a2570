"""Processes that user code runs in: forked from a warm zygote, watched, stopped and buried."""
