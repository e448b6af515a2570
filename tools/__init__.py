"""What the Makefile runs: the environment, the pins and the generated pages."""
