"""Every test of the product; `docs/testing.md` says which kind stands where."""
