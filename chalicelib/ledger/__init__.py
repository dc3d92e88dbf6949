"""Money: accounts, append-only entries, holds. Imports no other context."""
