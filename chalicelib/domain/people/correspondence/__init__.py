"""Letters: mails that contexts request."""
