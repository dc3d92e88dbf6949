"""The proof that the books, the meters and the machines agree (G12). No other context imports it."""
