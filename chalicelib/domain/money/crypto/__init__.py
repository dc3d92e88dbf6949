"""Rules of payments in crypto currency."""
