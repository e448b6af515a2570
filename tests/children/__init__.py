"""Children, their zygote and their stop ladder, with real processes and real kills."""
