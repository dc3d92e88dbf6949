"""Mails: rendered from our own templates, sent through SES."""
