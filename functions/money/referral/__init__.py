"""Endpoints and schedules of referrals."""
