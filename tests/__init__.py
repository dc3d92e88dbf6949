"""All tests of the product; CONTRIBUTING.md describes the folders."""
