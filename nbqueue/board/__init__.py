"""What every dashboard knows of a server, keeps up to date and may do there, without any face."""
