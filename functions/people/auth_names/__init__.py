"""Alternative path of the session endpoint."""
