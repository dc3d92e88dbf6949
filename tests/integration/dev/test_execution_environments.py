"""The processes in which the local cloud runs functions."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.localcloud.aws.workers import Pool, WorkerDied

_TIMEOUT_SECONDS = 0.5
_CONFIG = {
    "FunctionName": "hearth-sample",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:hearth-sample",
    "Handler": "sample.handler",
}


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """Processes that need no package of this machine."""
    pool = Pool(tmp_path, "http://127.0.0.1:9", lambda _config: {})
    yield pool
    pool.close()


def _invoke(pool: Pool, code: str, **environment: str) -> tuple[dict[str, Any], str]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("sample.py", code)
    worker = pool.acquire(_CONFIG | {"Environment": {"Variables": environment}}, archive.getvalue(), [])
    message = {"event": 1, "arn": _CONFIG["FunctionArn"], "request_id": "1", "timeout_seconds": _TIMEOUT_SECONDS}
    try:
        return worker.invoke(message, _TIMEOUT_SECONDS)
    finally:
        worker.close()


def test_the_timeout_does_not_count_the_import(pool: Pool) -> None:
    """A slow cold start on a busy machine is not a failure of the function."""
    slow = f"import time\ntime.sleep({3 * _TIMEOUT_SECONDS})\nprint('ready')\n"
    assert _invoke(pool, slow + "handler = lambda event, _: event + 1") == ({"result": 2}, "ready\n")


def test_a_process_that_dies_at_its_import_is_told_with_its_log(pool: Pool) -> None:
    code = "import os\nprint('so long', flush=True)\nos._exit(1)\n"
    with pytest.raises(WorkerDied, match="so long"):
        _invoke(pool, code)


def test_an_environment_of_any_size_arrives_whole(pool: Pool) -> None:
    """The socket accepts less at a time than the environment has."""
    code = "import os\nhandler = lambda event, _: [os.environ['LARGE'] == 'x' * 500_000, os.environ['LAST']]\n"
    assert _invoke(pool, code, LARGE="x" * 500_000, LAST="here") == ({"result": [True, "here"]}, "")
