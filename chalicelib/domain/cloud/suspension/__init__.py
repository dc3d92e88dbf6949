"""Suspension of a customer's machines when the balance or a spend cap is used up."""
