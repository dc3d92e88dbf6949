"""Who is signed in, and how a request shows it."""
