"""Users, their e-mail addresses, passwords, mailed links and preferences."""
