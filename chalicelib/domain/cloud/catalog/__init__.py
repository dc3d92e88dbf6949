"""The catalogue: what is on sale, in which regions, at which prices."""
