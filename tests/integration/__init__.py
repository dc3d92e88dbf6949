"""Several layers together, on a real DynamoDB engine."""
