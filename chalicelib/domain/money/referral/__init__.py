"""Referral codes, and the rewards for them."""
