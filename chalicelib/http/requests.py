"""Reads API Gateway's proxy event, and parses it into the arguments of an endpoint.

Source: the REST API proxy event of the API Gateway developer guide ("Input format of a Lambda function for proxy
integration").
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import from_json

from chalicelib.http.errors import PayloadTooLarge
from chalicelib.kernel.errors import FieldError, InvalidInput
from chalicelib.kernel.limits import MAX_BODY_BYTES

M = TypeVar("M", bound=BaseModel)

_MAX_DETAILS = 20
_MAX_FIELD_LENGTH = 200
_UNKNOWN_FIELD = "Extra inputs are not permitted"  # the message of Pydantic
_MAX_USER_AGENT_LENGTH = 256


class ProxyRequest:
    """One request, as API Gateway received it."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self.headers = _headers(event)
        self.method: str = event["httpMethod"]
        self.path_values: Mapping[str, str] = _text_values(event.get("pathParameters") or {})

    @property
    def ip(self) -> str:
        """The address that API Gateway saw; forwarding headers can be forged and are not read."""
        return str(self._event["requestContext"]["identity"]["sourceIp"])

    @property
    def gateway_request_id(self) -> str:
        """API Gateway's id of this request."""
        return str(self._event["requestContext"].get("requestId", ""))

    @property
    def user_agent(self) -> str:
        """The header `User-Agent`, cut to a maximum length."""
        return self.headers.get("user-agent", "")[:_MAX_USER_AGENT_LENGTH]

    @property
    def cookies(self) -> Mapping[str, str]:
        """The request's cookies, each read on its own: another application's may hold what it likes.

        Of two with one name the first counts: browsers send the one of the most specific path first
        (RFC 6265, section 5.4).
        """
        pairs = (pair.partition("=") for pair in reversed(self.headers.get("cookie", "").split(";")))
        return {name.strip(): value.strip() for name, separator, value in pairs if separator and name.strip()}

    @property
    def bearer_token(self) -> str | None:
        """The token of an `Authorization: Bearer` header."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" and token.strip() else None

    def body(self) -> bytes:
        """Return the raw body.

        Raises:
            PayloadTooLarge: it exceeds the maximum size.
            InvalidInput: it cannot be decoded.
        """
        text = self._event.get("body") or ""
        if len(text) > MAX_BODY_BYTES * 4 // 3 + 4:
            raise PayloadTooLarge()
        try:
            raw = base64.b64decode(text, validate=True) if self._event.get("isBase64Encoded") else text.encode()
        except (binascii.Error, UnicodeEncodeError) as error:
            raise InvalidInput.of("body", "The body cannot be decoded.") from error
        if len(raw) > MAX_BODY_BYTES:
            raise PayloadTooLarge()
        return raw

    def query_values(self) -> dict[str, str]:
        """Return the query's values by name.

        Raises:
            InvalidInput: a name is given more than once.
        """
        several = self._event.get("multiValueQueryStringParameters") or {}
        repeated = [name for name, values in several.items() if len(values) > 1]
        if repeated:
            raise InvalidInput(
                details=[FieldError(_field(_text(name)), "Give this once.") for name in repeated[:_MAX_DETAILS]]
            )
        single = {name: values[0] for name, values in several.items()}
        return _text_values(single or self._event.get("queryStringParameters") or {})


def parse_body(model: type[M], raw: bytes) -> M:
    """Parse `raw`, which must be a JSON object, into the request model.

    Raises:
        InvalidInput: with one detail for each invalid field.
    """
    if not raw.strip():
        raw = b"{}"
    try:
        body = model.model_validate_json(raw, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise _refusal(error, "body") from error
    ignored = list(islice(_python_named(from_json(raw), body), _MAX_DETAILS))
    if ignored:
        raise InvalidInput(details=[FieldError(field, _UNKNOWN_FIELD) for field in ignored])
    return body


def parse_values(model: type[M], values: Mapping[str, str]) -> M:
    """Parse path or query values into their model.

    Raises:
        InvalidInput: with one detail for each invalid value.
    """
    try:
        return model.model_validate(dict(values), by_alias=True, by_name=False)
    except ValidationError as error:
        raise _refusal(error, "query") from error


def _python_named(sent: Any, taken: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of `sent` that have their Python name instead of the JSON name.

    Pydantic 2.13 ignores such a field in JSON if the model takes only the alias, even if unknown fields are
    forbidden: `size_gb` for `sizeGb` would be neither used nor refused.
    """
    if isinstance(taken, BaseModel) and isinstance(sent, dict):
        for name, field in type(taken).model_fields.items():
            aliases = _aliases(field)
            if name in sent and name not in aliases:
                yield f"{path}{name}"
            for alias in aliases & sent.keys():
                yield from _python_named(sent[alias], getattr(taken, name), f"{path}{alias}.")
    elif isinstance(taken, list | tuple) and isinstance(sent, list):
        for number, (value, kept) in enumerate(zip(sent, taken, strict=True)):
            yield from _python_named(value, kept, f"{path}{number}.")


def _aliases(field: FieldInfo) -> set[str]:
    """Return the JSON names of `field`."""
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return {choice for choice in choices if isinstance(choice, str)}


def _refusal(error: ValidationError, whole: str) -> InvalidInput:
    """Return an error with every invalid field and its message; `whole` names the input if an error concerns no
    field.
    """
    details = [
        FieldError(_field(".".join(str(part) for part in found["loc"])) or whole, _sentence(found["msg"]))
        for found in error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_DETAILS]
    ]
    return InvalidInput(details=details)


def _field(path: str) -> str:
    """Return the path of a field, cut to a maximum length: the name of an unknown field comes from the sender."""
    return path if len(path) <= _MAX_FIELD_LENGTH else f"{path[:_MAX_FIELD_LENGTH]}…"


def _headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers by lower-case name; repeated ones are joined (RFC 9110, section 5.3)."""
    several = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    return {
        name.lower(): _text(("; " if name.lower() == "cookie" else ", ").join(values))
        for name, values in several.items()
    }


def _text_values(values: Mapping[str, str]) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in values.items()}


def _text(text: str) -> str:
    """Return `text` without lone surrogates, which JSON events can contain but UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode()


def _sentence(message: str) -> str:
    """Return Pydantic's message, without the prefix that it adds to a validator's own message."""
    return message.removeprefix("Value error, ")
