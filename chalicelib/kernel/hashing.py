"""What is kept of secrets that only have to be recognised."""

import hashlib


def hash_of(secret: str) -> str:
    """What is kept of `secret`. With 256 random bits, nobody can guess it against a fast hash."""
    return hashlib.sha256(secret.encode()).hexdigest()
