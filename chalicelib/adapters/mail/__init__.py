"""Mails: written from our own templates, sent through SES."""
