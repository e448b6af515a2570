"""What is in deploy/ is checked by its own formats, and run where that can be done here."""
