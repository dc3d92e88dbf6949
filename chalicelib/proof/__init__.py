"""The proof that the books, the meters, the machines and the payments agree (G12). No other context imports it."""
