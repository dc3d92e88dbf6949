"""Requests and answers of `metering`, and the one call that serves each."""
