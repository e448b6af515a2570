"""The dashboard as pages: what a notebook shows of a server, for a browser that has no notebook."""
