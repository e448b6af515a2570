"""Bad input: unreadable, too large, unreachable, of another version; what is said of it, and that all else goes on."""
