"""The single table. `docs/data-model.md` lists every access pattern with its key, its index and its cost."""
