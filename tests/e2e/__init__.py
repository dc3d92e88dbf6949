"""Tests over HTTP, against the packaged product on a local cloud."""
