"""What is particular to payments in crypto currency."""
