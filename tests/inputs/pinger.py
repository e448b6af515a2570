"""Asks a server for a sign of life until its input ends; then prints the longest wait in seconds."""

import sys
import threading
import time

import redis

ended = threading.Event()


def listen() -> None:
    """Wait for the end of the input."""
    sys.stdin.read()
    ended.set()


threading.Thread(target=listen, daemon=True).start()
longest = 0.0
with redis.Redis(unix_socket_path=sys.argv[1]) as client:
    client.ping()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not ended.wait(0.001):
        began = time.monotonic()
        client.ping()
        longest = max(longest, time.monotonic() - began)
sys.stdout.write(f"{longest}\n")
