"""What another user, a stranger with access to the store and hostile code in a job cannot do."""
