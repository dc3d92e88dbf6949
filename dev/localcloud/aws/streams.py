"""Delivers the table's stream as Lambda does; ministack knows neither retry limits nor partial failures.

A batch is retried up to its mapping's `MaximumRetryAttempts`, and halved at each failure if the mapping says so.
Then it is reported to the mapping's dead-letter queue and skipped. A function that answers with
`batchItemFailures` is called again from the first failed record on. Each mapping processes one batch at a time,
which keeps the order; a slow mapping delays no other mapping and no queue.
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

# ruff: noqa: SLF001

import time
from dataclasses import dataclass
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import dynamodb, lambda_svc

Mapping = dict[str, Any]
Record = dict[str, Any]

_RETRY_SECONDS = 0.5
_UNLIMITED = -1


@dataclass
class _Progress:
    """A mapping's progress with its present batch."""

    attempts: int = 0
    batch_size: int = 0
    not_before: float = 0.0


class StreamPoller:
    """Replaces ministack's poller of DynamoDB streams."""

    def __init__(self) -> None:
        self._progress: dict[str, _Progress] = {}

    def poll(self) -> bool:
        """Start a batch for every idle mapping that has records; return whether a batch was started."""
        started = False
        for account, region, mapping in list(lambda_svc._iter_all_esms()):
            if ":dynamodb:" not in mapping.get("EventSourceArn", "") or not mapping.get("Enabled", True):
                continue
            set_request_account_id(account)
            set_request_region(region)
            identity = mapping["UUID"]
            progress = self._progress.setdefault(identity, _Progress(batch_size=mapping.get("BatchSize", 100)))
            idle = not lambda_svc._esm_inflight.get(identity)
            if idle and progress.not_before <= time.monotonic() and self._has_records(mapping):
                lambda_svc._dispatch_esm_batch(identity, self._run, mapping, progress)
                started = True
        return started

    def _has_records(self, mapping: Mapping) -> bool:
        table, position = _table(mapping), self._position(mapping)
        return bool(dynamodb.stream_records_since(table, position, 1))

    def _position(self, mapping: Mapping) -> int:
        """The position of the next record in the stream; records that are older than a day are gone."""
        horizon = int(dynamodb.stream_start_position(_table(mapping)))
        return max(int(lambda_svc._dynamodb_stream_positions.get(mapping["UUID"], horizon)), horizon)

    def _advance(self, mapping: Mapping, progress: _Progress, position: int) -> None:
        lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = position
        progress.attempts, progress.batch_size = 0, mapping.get("BatchSize", 100)

    def _run(self, mapping: Mapping, progress: _Progress) -> None:
        """Deliver one batch."""
        position = self._position(mapping)
        raw = dynamodb.stream_records_since(_table(mapping), position, progress.batch_size)
        batch = lambda_svc._apply_filter_criteria(list(raw), mapping)
        function, _config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], None)
        if not batch or function is None:
            self._advance(mapping, progress, position + len(raw))
            return
        result = lambda_svc._execute_function(function, {"Records": batch})
        failed = _first_failure(mapping, batch, result)
        if failed is None:
            self._advance(mapping, progress, position + len(raw))
            return
        done = raw.index(failed)
        if done:
            self._advance(mapping, progress, position + done)
        self._try_again(mapping, progress, function, batch, result)

    def _try_again(
        self, mapping: Mapping, progress: _Progress, function: Any, batch: list[Record], result: Any
    ) -> None:
        progress.attempts += 1
        progress.not_before = time.monotonic() + _RETRY_SECONDS
        if mapping.get("BisectBatchOnFunctionError") and len(batch) > 1:
            progress.batch_size = max(1, progress.batch_size // 2)
        limit = int(mapping.get("MaximumRetryAttempts", _UNLIMITED))
        if limit != _UNLIMITED and progress.attempts > limit:
            position = self._position(mapping)
            given_up = dynamodb.stream_records_since(_table(mapping), position, progress.batch_size)
            lambda_svc._send_ddb_stream_failure_record(
                mapping, function, given_up, mapping["EventSourceArn"], result, "RetryAttemptsExhausted"
            )
            self._advance(mapping, progress, position + len(given_up))


def _table(mapping: Mapping) -> str:
    """The table's name in `arn:…:table/<name>/stream/<label>`."""
    return str(parse_arn(mapping["EventSourceArn"]).resource.split("/")[1])


def _first_failure(mapping: Mapping, batch: list[Record], result: Any) -> Record | None:
    """The first failed record, from which the batch is delivered again; None if there is none."""
    if result.get("error"):
        return batch[0]
    body = result.get("body")
    reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
    failures = body.get("batchItemFailures", []) if reports and isinstance(body, dict) else []
    numbers = {failure.get("itemIdentifier") for failure in failures}
    return next((record for record in batch if record["dynamodb"]["SequenceNumber"] in numbers), None)
