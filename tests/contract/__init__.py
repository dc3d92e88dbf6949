"""One suite of behaviour for every compute provider, run against a lab: a cloud with a few levers."""
