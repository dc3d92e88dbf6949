"""The relay of the table's changes."""
