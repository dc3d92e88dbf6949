"""Changes of the table, the consumers that subscribe to them, and their dead letters."""
