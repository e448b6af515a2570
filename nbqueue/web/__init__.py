"""The queue over HTTP: an API for programs and pages for people, beside the notebook and on the same client."""
