"""Announcements of new prices to customers."""
