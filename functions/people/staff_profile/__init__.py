"""Requests and answers of `staff_profile`, and the one call that serves each."""
