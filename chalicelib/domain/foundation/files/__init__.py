"""Files that wait for a download."""
