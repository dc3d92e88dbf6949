"""Stateful simulators of the services Hearth talks to, each speaking its vendor's own HTTP."""
