"""Configuration of outside services by operators: JSON documents in Secrets Manager, read and checked here.

A document has one part for each service, by name: `{"stripe": {…}, "bank": {…}}`.
"""

import json
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError


class ConfigurationError(ValueError):
    """A configuration is invalid. The message names the field, and contains no secret."""


class Configured(BaseModel):
    """A piece of configuration: immutable, without unknown fields, and without values in error messages."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class SecretPart(Configured):
    """The part of a secret that one service's adapter reads."""

    SECRET: ClassVar[str]
    """The name of the whole document in error messages."""
    PART: ClassVar[str]
    """The name of the part in the document."""

    @classmethod
    def from_secret(cls, text: str) -> Self:
        """Read the part from the secret's `text`.

        Raises:
            ConfigurationError: names every invalid field; contains none of their values.
        """
        try:
            return cls.model_validate(json.loads(text)[cls.PART])
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"{cls.SECRET}, part {cls.PART}: {wrong}") from None
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise ConfigurationError(f"{cls.SECRET} is not JSON at {place}") from None
        except (KeyError, TypeError):
            raise ConfigurationError(f"{cls.SECRET} has no part {cls.PART}") from None


class PaymentsPart(SecretPart):
    """The configuration of one payment gateway."""

    SECRET = "the payments' secret"  # noqa: S105 (its name, not its content)
