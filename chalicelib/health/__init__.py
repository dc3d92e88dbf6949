"""What stands behind Hearth, and whether it answers."""
