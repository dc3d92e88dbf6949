"""What happens when the money ends."""
