"""Users, their accounts, how they sign in, organisations and the staff."""
