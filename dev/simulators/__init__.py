"""Stateful simulators of the services that Hearth uses, each with its vendor's HTTP API."""
