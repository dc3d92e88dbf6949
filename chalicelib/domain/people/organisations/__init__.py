"""Members of a customer, invitations and ownership."""
