"""Charts of the history that are drawn anew in a notebook as jobs end."""
