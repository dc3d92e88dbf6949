"""The port that every provider of machines stands behind."""
