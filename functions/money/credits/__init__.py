"""Requests and answers of `credits`, and the one call that serves each."""
