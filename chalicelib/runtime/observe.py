"""Structured log lines and metrics, the same for every Lambda.

Powertools writes both as JSON to standard output, metrics in CloudWatch's embedded metric format, so that neither
needs an API call.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

_SERVICE = "hearth"

logger = Logger(service=_SERVICE, level=os.environ.get("LOG_LEVEL", "INFO"), utc=True)
"""The logger of every function. Never log a token, password, request body or other secret (G46)."""

logging.getLogger("botocore").setLevel(logging.WARNING)


class Measured:
    """The counters of one run of a function; `outcome` becomes a metric."""

    def __init__(self) -> None:
        self.outcome = "ok"


@contextmanager
def measured(function_name: str) -> Iterator[Measured]:
    """Count one run of `function_name` and measure its duration."""
    run = Measured()
    started = perf_counter()
    try:
        yield run
    except BaseException:
        run.outcome = "failed"
        raise
    finally:
        metrics = EphemeralMetrics(namespace="Hearth", service=_SERVICE)
        metrics.add_dimension("function", function_name)
        elapsed_ms = (perf_counter() - started) * 1000
        metrics.add_metric("duration", MetricUnit.Milliseconds, elapsed_ms)
        metrics.add_metric(run.outcome, MetricUnit.Count, 1)
        metrics.flush_metrics()


def count(name: str) -> None:
    """Add one to the metric `name`."""
    metrics = EphemeralMetrics(namespace="Hearth", service=_SERVICE)
    metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.flush_metrics()
