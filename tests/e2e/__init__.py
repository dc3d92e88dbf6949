"""Tests over HTTP alone, against the packaged product on a local cloud."""
