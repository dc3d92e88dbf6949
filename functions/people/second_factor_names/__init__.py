"""Alternative paths of the second-factor endpoints."""
