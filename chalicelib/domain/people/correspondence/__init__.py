"""Letters: the mails that contexts ask for."""
