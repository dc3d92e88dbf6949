"""Code that tests share: a real table, a settable clock, an in-process client, people."""
