"""Requests and answers of `referral`, and the one call that serves each."""
