"""Running out of money: warnings, switching off at zero, deleting after a while, resuming on payment (G13)."""
