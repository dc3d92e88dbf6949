"""A newcomer's first minutes: a customer's whole journey through the local cloud, each step checked."""
