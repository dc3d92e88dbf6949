"""Who people are: users, their customers and memberships, their sessions, and the mails that prove an address."""
