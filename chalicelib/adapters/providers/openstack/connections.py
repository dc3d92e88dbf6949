"""Authenticated sessions, one per project, kept with their tokens across the invocations of a warm function.

openstacksdk implements how calls behave; its limits are set here:

- Every call has a time-out, the sign-in too.
- A 401 drops the token, signs in again and repeats the call, once (G26). A 401 had no effect, so this is safe
  for every method. Only a refused sign-in raises `ProviderDenied`.
- Reads are repeated once after a broken connection. Writes never are: whether they took effect is unknown, and
  their callers check (G20).
- No status is retried here: the SDK would sleep for as long as `Retry-After` says. The state machines wait.
- Redirects are not followed: Heat's may lead to a wrong host, which would receive our token.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import Any, Final

from chalicelib.adapters.providers.openstack.config import ProjectConfig, RegionConfig
from chalicelib.adapters.providers.openstack.failures import error_from_answer, one_line
from chalicelib.domain.cloud.providers.errors import ProviderDenied, ProviderError, ProviderUnreachable
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass

_SUCCESS: Final = frozenset({200, 201, 202, 203, 204})
_READ_RETRIES: Final = 1
_YOUNG_SECONDS: Final = 60
"""A token younger than this cannot be improved by a new one."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer with an accepted status. `body` is empty if there was none."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)
    location: str = ""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Read an answer's body inside the context; a malformed one counts as no answer.

    Raises:
        ProviderUnreachable: the body lacks a value, or has one of the wrong type.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProviderUnreachable(f"{what}: cannot read the answer ({error!r})") from error


class ProjectConnection:
    """Calls the services of one region, as one project."""

    def __init__(self, region: RegionConfig, project: ProjectConfig, timeout_seconds: float, clock: Clock) -> None:
        self.project = project
        self.region = region
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._sdk: Any = None

    def call(
        self,
        method: str,
        service: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        also: Collection[int] = (),
        microversion: str | None = None,
    ) -> Answer:
        """Request `path` of `service` (a service type of the catalogue).

        Args:
            also: accepted statuses, besides success.
            microversion: of the service's API, if it has them.

        Raises:
            ProviderError: any other status, as translated by `failures.error_from_answer`.
            ProviderUnreachable: there was no answer, or it cannot be parsed.
        """
        what = f"{method} {service} {path}"
        response = self._send(what, method, service, path, json, microversion)
        body = _json_of(response)
        if response.status_code in _SUCCESS:
            if body is None and response.content:
                raise ProviderUnreachable(f"{what}: {response.status_code} with a body that is not JSON")
        elif response.status_code not in also:
            asked = response.headers.get("Retry-After")
            raise error_from_answer(what, response.status_code, body or {}, asked)
        return Answer(response.status_code, body or {}, response.headers.get("Location", ""))

    def renew_token_within(self, seconds: float) -> None:
        """Get a new token if the present one ends within `seconds`: Heat uses it long after the call (G26).

        A new token is kept, however short its life is.

        Raises:
            ProviderDenied: the sign-in was refused.
            ProviderUnreachable: Keystone did not answer.
        """
        auth = self._connection().session.auth
        access = self._guarded("sign-in", lambda: auth.get_access(self._connection().session))
        age_seconds = (self._clock.now() - access.issued).total_seconds()
        if age_seconds > _YOUNG_SECONDS and access.will_expire_soon(stale_duration=seconds):
            auth.invalidate()

    def close(self) -> None:
        """Close the sockets; the next call opens new ones."""
        if self._sdk is not None:
            self._sdk.close()
            self._sdk = None

    def _send(
        self,
        what: str,
        method: str,
        service: str,
        path: str,
        json: Mapping[str, Any] | None,
        microversion: str | None,
    ) -> Any:
        extra: dict[str, Any] = {"microversion": microversion} if microversion else {}
        if json is not None:
            extra["json"] = json
        return self._guarded(
            what,
            lambda: self._connection().session.request(
                path,
                method,
                endpoint_filter={
                    "service_type": service,
                    "region_name": self.region.region_name,
                    "interface": self.region.interface,
                },
                headers={"Accept": "application/json"},
                raise_exc=False,
                redirect=False,
                connect_retries=_READ_RETRIES if method == "GET" else 0,
                **extra,
            ),
        )

    def _guarded(self, what: str, act: Callable[[], Any]) -> Any:
        from keystoneauth1 import exceptions

        try:
            return act()
        except exceptions.HttpError as error:  # raised for Keystone's answers only: others are returned
            signing_in = f"{what}: sign-in to project {self.project.name!r}"
            asked = error.response.headers.get("Retry-After") if error.response is not None else None
            body = {"error": {"message": str(error)}}
            raise error_from_answer(signing_in, error.http_status, body, asked) from error
        except exceptions.EndpointNotFound as error:
            raise ProviderDenied(one_line(f"{what}: not in the catalogue: {error}")) from error
        except (exceptions.ConnectionError, exceptions.InvalidResponse) as error:
            raise ProviderUnreachable(one_line(f"{what}: {error}")) from error
        except exceptions.ClientException as error:
            raise ProviderError(one_line(f"{what}: {error}")) from error

    def _connection(self) -> Any:
        if self._sdk is None:
            import openstack

            self._sdk = openstack.connect(
                load_yaml_config=False,
                load_envvars=False,
                app_name="hearth",
                region_name=self.region.region_name,
                interface=self.region.interface,
                api_timeout=self._timeout_seconds,
                **_auth_of(self.region, self.project),
            )
        return self._sdk


class Connections:
    """One `ProjectConnection` per project, created when first needed."""

    def __init__(self, timeout_seconds: float, clock: Clock) -> None:
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._open: dict[tuple[str, ProjectConfig], ProjectConnection] = {}

    def to(self, region_name: str, region: RegionConfig, project: ProjectConfig) -> ProjectConnection:
        """Return the connection to `project` in the region that Hearth calls `region_name`."""
        key = (region_name, project)
        if key not in self._open:
            self._open[key] = ProjectConnection(region, project, self._timeout_seconds, self._clock)
        return self._open[key]

    def close(self) -> None:
        """Close them all."""
        for connection in self._open.values():
            connection.close()


def _auth_of(region: RegionConfig, project: ProjectConfig) -> dict[str, Any]:
    url = str(region.auth_url).rstrip("/")
    url = url if url.endswith("/v3") else f"{url}/v3"
    if project.application_credential_secret is not None:
        return {
            "auth_type": "v3applicationcredential",
            "auth": {
                "auth_url": url,
                "application_credential_id": project.application_credential_id,
                "application_credential_secret": project.application_credential_secret.get_secret_value(),
            },
        }
    secret = project.password.get_secret_value() if project.password is not None else None
    return {
        "auth_type": "v3password",
        "auth": {
            "auth_url": url,
            "username": project.username,
            "password": secret,
            "user_domain_name": project.user_domain,
            "project_name": project.name,
            "project_domain_name": project.project_domain,
        },
    }


def _json_of(response: Any) -> Mapping[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
