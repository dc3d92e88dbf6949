"""`Reports` and `ComparisonReports` in S3."""

import json
from dataclasses import asdict

from chalicelib.adapters.aws.clients import s3
from chalicelib.domain.operations.proof.models import ComparisonReport, Report
from chalicelib.kernel.clock import isoformat


class S3Reports:
    """Stores each report as one JSON object, under a time that the report contains."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def keep(self, report: Report) -> str:
        """Store `report`; see `Reports.keep`."""
        key = f"ledger-proof/{isoformat(report.started_at)}.json"
        s3().put_object(Bucket=self._bucket, Key=key, Body=as_json(report), ContentType="application/json")
        return f"s3://{self._bucket}/{key}"

    def keep_comparison(self, report: ComparisonReport) -> str:
        """Store `report`; see `ComparisonReports.keep_comparison`."""
        key = f"payment-comparison/{isoformat(report.until)}.json"
        times = {"since": isoformat(report.since), "until": isoformat(report.until)}
        body = json.dumps({"holds": report.holds, **asdict(report), **times}, indent=1).encode()
        s3().put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
        return f"s3://{self._bucket}/{key}"


def as_json(report: Report) -> bytes:
    """The report as it is stored."""
    times = {"started_at": isoformat(report.started_at), "ended_at": isoformat(report.ended_at)}
    return json.dumps({"holds": report.holds, **asdict(report), **times}, indent=1).encode()
