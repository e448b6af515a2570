"""Other people's interfaces on top of the client: concurrent.futures and joblib."""
