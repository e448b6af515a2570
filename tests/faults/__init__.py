"""Faults, injected for real: kills, frozen processes, cut connections, full and emptied servers."""
