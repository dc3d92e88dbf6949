"""The customers as the staff see them: found by name, address or id, opened, changed, and blocked."""
