"""Keystone v3: tokens, the service catalogue, application credentials."""

import secrets
from datetime import timedelta
from typing import Final

from dev.simulators.http import Json, Response
from dev.simulators.openstack.api import ApiError, Call, Service, json_body
from dev.simulators.openstack.cloud import Cloud
from dev.simulators.openstack.config import Project, User, stable_hex
from dev.simulators.openstack.state import Credential, Token
from dev.simulators.openstack.views import long_instant

DOMAIN: Final = {"id": "default", "name": "Default"}
BUILT_IN_ROLES: Final = frozenset({"admin", "manager", "member", "reader", "service"})
_SERVICES: Final = (
    ("network", "neutron", "/network"),
    ("block-storage", "cinder", "/volume/v3"),
    ("volumev3", "cinderv3", "/volume/v3/{project_id}"),
    ("placement", "placement", "/placement"),
    ("compute", "nova", "/compute/v2.1"),
    ("image", "glance", "/image"),
    ("orchestration", "heat", "/orchestration/v1/{project_id}"),
)


class Keystone(Service):
    """The identity service."""

    def not_found(self, call: Call) -> Response:
        """The 404 in the format of Flask."""
        return Response(
            404,
            "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
            "<p>The requested URL was not found on the server. If you entered the URL manually please check your"
            " spelling and try again.</p>\n",
            {"Content-Type": "text/html; charset=utf-8"},
        )

    def add_headers(self, call: Call, response: Response) -> None:
        """Add the header which says that answers depend on the token."""
        super().add_headers(call, response)
        response.headers.setdefault("Vary", "X-Auth-Token")


service = Keystone("identity")


def _error(status: int, title: str, message: str) -> ApiError:
    return ApiError(Response(status, {"error": {"code": status, "message": message, "title": title}}))


def _denied(call: Call) -> ApiError:
    """The same answer for a bad password, an unknown user, an unknown project and a missing role."""
    return ApiError(service.unauthorized(call))


def _version(call: Call) -> Json:
    return {
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{call.service_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    return Response(300, {"versions": {"values": [_version(call)]}}, {"Location": f"{call.service_url}/v3/"})


@service.route("GET", "/v3", is_open=True)
def show_version(call: Call) -> Response:
    """The version of the API."""
    return Response(200, {"version": _version(call)})


@service.route("POST", "/v3/auth/tokens", is_open=True)
def issue_token(call: Call) -> Response:
    """Issue a token."""
    try:
        auth = (json_body(call) or {})["auth"]
        identity = auth["identity"]
        methods = identity["methods"]
    except ValueError as error:
        raise _error(
            400,
            "Bad Request",
            "Expecting to find valid JSON in request body. The server could not comply with the request"
            " since it is either malformed or otherwise incorrect. The client is assumed to be in error.",
        ) from error
    except (KeyError, TypeError) as error:
        raise _error(400, "Bad Request", f"{error} is a required property") from error
    if not isinstance(methods, list):
        raise _error(
            400,
            "Bad Request",
            f"Invalid input for field 'identity/methods': '{methods}' is not of type 'array'\n\nFailed validating"
            " 'type' in schema['properties']['identity']['properties']['methods']:\n    {'type': 'array', 'items':"
            f" {{'type': 'string'}}}}\n\nOn instance['identity']['methods']:\n    '{methods}'",
        )
    token = _authenticate(call, identity, methods, auth.get("scope"))
    call.cloud.state.tokens[token.id] = token
    _forget_old(call.cloud)
    body = _token_body(call, token, with_catalog="nocatalog" not in call.query)
    return Response(201, {"token": body}, {"X-Subject-Token": token.id})


def _authenticate(call: Call, identity: Json, methods: list[str], scope: Json) -> Token:
    if "application_credential" in methods:
        return _by_credential(call, identity.get("application_credential") or {})
    if "password" in methods:
        user = _by_password(call, (identity.get("password") or {}).get("user") or {})
        return _token(call.cloud, user, _scoped(call, user, scope), user.roles, ["password"])
    if "token" in methods:
        known = valid_token(call.cloud, str((identity.get("token") or {}).get("id")))
        if known is None:
            raise _denied(call)
        user = call.cloud.config.user(known.user_id)
        token = _token(call.cloud, user, _scoped(call, user, scope), user.roles, ["token", "password"])
        token.expires_at = known.expires_at
        return token
    raise _denied(call)


def _by_password(call: Call, wanted: Json) -> User:
    for user in call.cloud.config.users:
        if wanted.get("id") == user.id or wanted.get("name") == user.name:
            if secrets.compare_digest(str(wanted.get("password")).encode(), user.password.encode()):
                return user
            break
    raise _denied(call)


def _by_credential(call: Call, wanted: Json) -> Token:
    credentials = call.cloud.state.credentials
    found = credentials.get(str(wanted.get("id")))
    if found is None and "name" in wanted:
        name = (wanted.get("user") or {}).get("name")
        found = next(
            (
                item
                for item in credentials.values()
                if item.name == wanted["name"] and call.cloud.config.user(item.user_id).name == name
            ),
            None,
        )
    if found is None or not secrets.compare_digest(str(wanted.get("secret")).encode(), found.secret.encode()):
        raise _denied(call)
    user = call.cloud.config.user(found.user_id)
    token = _token(
        call.cloud, user, call.cloud.config.project(found.project_id), found.roles, ["application_credential"]
    )
    token.application_credential_id = found.id
    return token


def _scoped(call: Call, user: User, scope: Json) -> Project | None:
    if not isinstance(scope, dict) or "project" not in scope:
        return None
    wanted = scope["project"]
    for project in call.cloud.config.projects:
        if project.name in user.projects and (
            wanted.get("id") == project.id or wanted.get("name") == project.name
        ):
            return project
    raise _denied(call)


def _token(cloud: Cloud, user: User, project: Project | None, roles: list[str], methods: list[str]) -> Token:
    now = cloud.clock.now().replace(microsecond=0)
    return Token(
        id=f"gAAAAAB{secrets.token_urlsafe(96)}",
        user_id=user.id,
        project_id=project.id if project else None,
        roles=roles if project else [],
        methods=methods,
        audit_id=secrets.token_urlsafe(16),
        issued_at=now,
        expires_at=now + timedelta(seconds=cloud.config.token_ttl_seconds),
    )


def _forget_old(cloud: Cloud) -> None:
    now = cloud.clock.now()
    kept = {key: token for key, token in cloud.state.tokens.items() if token.expires_at > now - timedelta(hours=1)}
    cloud.state.tokens = kept


def valid_token(cloud: Cloud, token_id: str) -> Token | None:
    """The token, if Keystone accepts it now."""
    token = cloud.state.tokens.get(token_id)
    if token is None or token.revoked or token.expires_at <= cloud.clock.now():
        return None
    return token


def token_for_service(cloud: Cloud, service_name: str, token_id: str) -> Token | None:
    """The token, if a service accepts it now.

    A service asks Keystone once and then uses its cache for a while. So it continues to accept a revoked token,
    but not an expired one, whose end it knows.
    """
    now = cloud.clock.now()
    token = cloud.state.tokens.get(token_id)
    if token is None or token.expires_at <= now:
        return None
    cached_until = token.cached_until.get(service_name)
    if cached_until is not None and now < cached_until:
        return token
    if token.revoked:
        return None
    token.cached_until[service_name] = now + timedelta(seconds=cloud.config.token_cache_seconds)
    return token


def _token_body(call: Call, token: Token, *, with_catalog: bool = True) -> Json:
    config = call.cloud.config
    user = config.user(token.user_id)
    body: dict[str, Json] = {
        "methods": token.methods,
        "user": {"domain": DOMAIN, "id": user.id, "name": user.name, "password_expires_at": None},
        "audit_ids": [token.audit_id],
        "expires_at": f"{long_instant(token.expires_at)}Z",
        "issued_at": f"{long_instant(token.issued_at)}Z",
    }
    if token.project_id is None:
        return body
    project = config.project(token.project_id)
    body["project"] = {"domain": DOMAIN, "id": project.id, "name": project.name}
    body["is_domain"] = False
    body["roles"] = [{"id": stable_hex("role", role), "name": role} for role in token.roles]
    if with_catalog:
        body["catalog"] = catalog(call.cloud, project.id)
    if token.application_credential_id:
        credential = call.cloud.state.credentials.get(token.application_credential_id)
        body["application_credential"] = {
            "id": token.application_credential_id,
            "name": credential.name if credential else "",
            "restricted": not (credential and credential.unrestricted),
        }
    return body


def catalog(cloud: Cloud, project_id: str) -> list[Json]:
    """The endpoints of all services, one per region and interface."""
    entries = []
    for type_, name, path in _SERVICES:
        urls = {
            region.id: f"{cloud.base_url}/regions/{region.id}{path.format(project_id=project_id)}"
            for region in cloud.config.regions
        }
        entries.append(_catalog_entry(type_, name, urls))
    identity = {region.id: f"{cloud.base_url}/identity/v3" for region in cloud.config.regions}
    entries.append(_catalog_entry("identity", "keystone", identity))
    return entries


def _catalog_entry(type_: str, name: str, urls: dict[str, str]) -> Json:
    endpoints = [
        {
            "id": stable_hex("endpoint", type_, region, interface),
            "interface": interface,
            "region_id": region,
            "url": url,
            "region": region,
        }
        for region, url in urls.items()
        for interface in ("public", "internal", "admin")
    ]
    return {"endpoints": endpoints, "id": stable_hex("service", type_), "type": type_, "name": name}


def _subject(call: Call) -> Token:
    token_id = call.request.headers.get("x-subject-token", "")
    if token_id not in call.cloud.state.tokens:
        raise _error(404, "Not Found", "Could not recognize Fernet token")
    token = valid_token(call.cloud, token_id)
    if token is None:
        raise _error(404, "Not Found", "Failed to validate token")
    return token


@service.route("GET", "/v3/auth/tokens")
def show_token(call: Call) -> Response:
    """Validate a token."""
    token = _subject(call)
    return Response(200, {"token": _token_body(call, token)}, {"X-Subject-Token": token.id})


@service.route("DELETE", "/v3/auth/tokens")
def revoke_token(call: Call) -> Response:
    """Revoke a token. Other services may accept it until their caches end."""
    _subject(call).revoked = True
    return Response(204)


@service.route("GET", "/v3/auth/catalog")
def show_catalog(call: Call) -> Response:
    """The catalogue of the token's project."""
    link = f"{call.service_url}/v3/auth/catalog"
    return Response(200, {"catalog": catalog(call.cloud, call.project_id), "links": {"self": link}})


def _project_body(call: Call, project: Project) -> Json:
    return {
        "id": project.id,
        "name": project.name,
        "domain_id": "default",
        "description": "",
        "enabled": True,
        "parent_id": "default",
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": f"{call.service_url}/v3/projects/{project.id}"},
    }


def _list(call: Call, key: str, items: list[Json]) -> Response:
    links = {"next": None, "self": f"{call.service_url}{call.path}", "previous": None}
    return Response(200, {key: items, "links": links})


@service.route("GET", "/v3/auth/projects")
def list_own_projects(call: Call) -> Response:
    """The projects that the user has a role on."""
    names = call.cloud.config.user(call.token.user_id).projects
    return _list(
        call, "projects", [_project_body(call, item) for item in call.cloud.config.projects if item.name in names]
    )


def _require_admin(call: Call, action: str) -> None:
    if "admin" not in call.token.roles:
        message = f"You are not authorized to perform the requested action: identity:{action}."
        raise _error(403, "Forbidden", message)


@service.route("GET", "/v3/projects")
def list_projects(call: Call) -> Response:
    """All projects, for administrators."""
    _require_admin(call, "list_projects")
    return _list(call, "projects", [_project_body(call, item) for item in call.cloud.config.projects])


@service.route("GET", "/v3/users")
def list_users(call: Call) -> Response:
    """All users, for administrators."""
    _require_admin(call, "list_users")
    return _list(call, "users", [{"id": user.id, "name": user.name} for user in call.cloud.config.users])


@service.route("GET", "/v3/users/{user_id}/projects")
def list_projects_of_user(call: Call) -> Response:
    """The caller's own projects."""
    if call.arguments["user_id"] != call.token.user_id:
        _require_admin(call, "list_user_projects")
    return list_own_projects(call)


@service.route("GET", "/v3/regions")
def list_regions(call: Call) -> Response:
    """All regions."""
    regions = [
        {
            "id": region.id,
            "description": region.description,
            "parent_region_id": None,
            "links": {"self": f"{call.service_url}/v3/regions/{region.id}"},
        }
        for region in call.cloud.config.regions
    ]
    return _list(call, "regions", regions)


@service.route("POST", "/v3/users/{user_id}/application_credentials")
def create_application_credential(call: Call) -> Response:
    """Create an application credential for the token's project; only this answer shows its secret."""
    if call.arguments["user_id"] != call.token.user_id:
        raise _error(
            403,
            "Forbidden",
            "You are not authorized to perform the requested action: identity:create_application_credential.",
        )
    wanted = (json_body(call) or {}).get("application_credential") or {}
    credential = Credential(
        id=secrets.token_hex(16),
        secret=str(wanted.get("secret") or secrets.token_urlsafe(64)),
        name=str(wanted.get("name")),
        user_id=call.token.user_id,
        project_id=call.project_id,
        roles=[str(role["name"]) for role in wanted.get("roles") or []] or call.token.roles,
        unrestricted=wanted.get("unrestricted"),
    )
    call.cloud.state.credentials[credential.id] = credential
    return Response(201, {"application_credential": _credential_body(call, credential)})


def _credential_body(call: Call, credential: Credential) -> Json:
    return {
        "id": credential.id,
        "name": credential.name,
        "description": None,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "system": None,
        "expires_at": None,
        "unrestricted": credential.unrestricted,
        "roles": [
            {"id": stable_hex("role", role), "name": role, "domain_id": None, "description": None}
            | {"options": {"immutable": True} if role in BUILT_IN_ROLES else {}}
            for role in credential.roles
        ],
        "secret": credential.secret,
        "links": {"self": f"{call.service_url}/v3/application_credentials/{credential.id}"},
    }
