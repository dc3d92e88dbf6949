"""The port of providers of machines, with its models and errors."""
