"""`first_exchange` for every function of the API that needs no provider; it takes some minutes."""

from benchmarks.first_exchange import run_all as run

__all__ = ["run"]
