"""Requests and answers of `device_sign_in`, and the one call that serves each."""
