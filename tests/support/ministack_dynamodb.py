"""`python -m tests.support.ministack_dynamodb --port …`: serve only ministack's DynamoDB and its streams.

ministack itself starts some hundred services behind a web framework. Tests make tens of thousands of calls to this
one, so it has a minimal HTTP/1.1 server. Requests are processed one after the other, so each is atomic.
"""

import argparse
import asyncio
import json
from http import HTTPStatus
from typing import Any

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import dynamodb, dynamodb_streams

_ACCOUNT, _REGION = "000000000000", "eu-north-1"
_SERVICES = {"DynamoDB_20120810": dynamodb, "DynamoDBStreams_20120810": dynamodb_streams}

Answer = tuple[int, dict[str, str], bytes]


async def answer(target: str, headers: dict[str, str], body: bytes) -> Answer:
    """The answer of the service that `target` names; every client is the same account in the same region."""
    api, _, operation = target.partition(".")
    service = _SERVICES.get(api)
    if service is None:
        return 400, {}, json.dumps({"__type": "UnknownOperationException", "message": target}).encode()
    set_request_account_id(_ACCOUNT)
    set_request_region(_REGION)
    status, answered, content = await service.handle_request("POST", "/", headers, body, {})
    if operation == "DeleteTable" and status == HTTPStatus.OK:
        dynamodb.reset()  # otherwise the deleted table's stream stays in memory for a day
    return status, answered, content if isinstance(content, bytes) else content.encode()


async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until the client closes it."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            headers = _headers(head)
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            writer.write(_response(*await answer(headers.get("x-amz-target", ""), headers, body)))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # the client has closed the connection
    finally:
        writer.close()


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _response(status: int, headers: dict[str, Any], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


async def serve(host: str, port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(serve_client, host, port)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve on the address that the command line names."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.host, options.port))


if __name__ == "__main__":
    main()
