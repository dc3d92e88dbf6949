"""Secrets Manager and SES on a port of this machine, speaking their own protocols: adapters run unchanged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

_SENT = (
    '<SendEmailResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><SendEmailResult>'
    "<MessageId>1</MessageId></SendEmailResult></SendEmailResponse>"
)


class FakeAws:
    """What the services hold, and what they were asked."""

    def __init__(self) -> None:
        self.secrets: dict[str, tuple[str, str]] = {}
        """By stage: a version's id, and its text."""
        self.readings: list[str] = []
        self.mails: list[dict[str, str]] = []
        self.mail_error = ""

    def get_secret_value(self, stage: str) -> tuple[int, str]:
        """Answer GetSecretValue."""
        self.readings.append(stage)
        if stage not in self.secrets:
            return 400, json.dumps({"__type": "ResourceNotFoundException", "Message": f"no value for {stage}"})
        version_id, text = self.secrets[stage]
        return 200, json.dumps({"Name": "key", "VersionId": version_id, "SecretString": text})

    def send_email(self, form: dict[str, str]) -> tuple[int, str]:
        """Answer SendEmail."""
        self.mails.append(form)
        if self.mail_error:
            error = f"<Error><Type>Sender</Type><Code>{self.mail_error}</Code><Message>no</Message></Error>"
            return 400, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"
        return 200, _SENT


@contextmanager
def running_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAws]:
    """The services, where boto3 finds them."""
    aws = FakeAws()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if "x-amz-target" in self.headers:
                status, answer = aws.get_secret_value(json.loads(body)["VersionStage"])
            else:
                status, answer = aws.send_email({name: values[0] for name, values in parse_qs(body).items()})
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SES", url)
    try:
        yield aws
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
