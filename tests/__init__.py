"""The tests: a mirror of the package, a guide, faults, and the agreements of the whole."""
