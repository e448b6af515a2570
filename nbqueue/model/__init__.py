"""The nouns nbqueue speaks of: values and rules, no I/O."""
