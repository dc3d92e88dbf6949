"""Worker that sends letters."""
