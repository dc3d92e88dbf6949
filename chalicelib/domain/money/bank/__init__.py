"""Bank transfers: statements, references, matching."""
