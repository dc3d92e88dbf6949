"""Cinder v3: volumes."""

from dev.simulators.http import Json, Response
from dev.simulators.openstack import views
from dev.simulators.openstack.api import ApiError, Call, Service, json_body, page
from dev.simulators.openstack.site import Site, new_uuid
from dev.simulators.openstack.state import Volume


class Cinder(Service):
    """The volume service."""

    def add_headers(self, call: Call, response: Response) -> None:
        """Add the microversion header."""
        super().add_headers(call, response)
        if response.status == 401:
            return
        asked = call.request.headers.get("openstack-api-version", "volume 3.0")
        response.headers.update(
            {
                "OpenStack-API-Version": asked,
                "Vary": "OpenStack-API-Version",
                "x-compute-request-id": call.request_id,
            }
        )


service = Cinder("volume")


def _error(status: int, kind: str, message: str) -> ApiError:
    return ApiError(Response(status, {kind: {"code": status, "message": message}}))


def _version(call: Call) -> Json:
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": "3.71",
        "min_version": "3.0",
        "updated": "2023-08-31T00:00:00Z",
        "links": [
            {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
            {"rel": "self", "href": f"{call.service_url}/v3/"},
        ],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    return Response(300, {"versions": [_version(call)]})


@service.route("GET", "/v3")
def show_version(call: Call) -> Response:
    """The version of the API."""
    return Response(200, {"versions": [_version(call)]})


def _own(call: Call) -> list[Volume]:
    query = call.query
    return [
        volume
        for volume in reversed(call.region.volumes.values())
        if volume.project_id == call.project_id
        and query.get("name", volume.name) == volume.name
        and query.get("status", volume.status) == volume.status
    ]


def _find(call: Call) -> Volume:
    volume = call.region.volumes.get(call.arguments["id"])
    if volume is None or volume.project_id != call.project_id:
        raise _error(404, "itemNotFound", f"Volume {call.arguments['id']} could not be found.")
    return volume


def _brief(site: Site, volume: Volume) -> dict[str, Json]:
    return {"id": volume.id, "name": volume.name, "links": views.volume_links(site, volume)}


def _list(call: Call, shown: list[dict[str, Json]]) -> Response:
    limit = int(call.query["limit"]) if call.query.get("limit", "").isdigit() else None
    return Response(200, {"volumes": page(shown, call.query.get("marker"), limit)})


# The catalogue has the URL with the project and the one without it.
for _prefix in ("/v3", "/v3/{project_id}"):

    @service.route("GET", f"{_prefix}/volumes")
    def list_volumes(call: Call) -> Response:
        """The project's volumes, newest first."""
        return _list(call, [_brief(call.site, volume) for volume in _own(call)])

    @service.route("GET", f"{_prefix}/volumes/detail")
    def list_volumes_in_detail(call: Call) -> Response:
        """The project's volumes, newest first, with all fields."""
        return _list(call, [views.volume(call.site, volume) for volume in _own(call)])

    @service.route("GET", f"{_prefix}/volumes/{{id}}")
    def show_volume(call: Call) -> Response:
        """One volume."""
        return Response(200, {"volume": views.volume(call.site, _find(call))})

    @service.route("POST", f"{_prefix}/volumes")
    def create_volume(call: Call) -> Response:
        """Create a volume; it is available at once."""
        wanted = (json_body(call) or {}).get("volume") or {}
        volume = Volume(
            id=new_uuid(),
            name=str(wanted.get("name") or ""),
            description=wanted.get("description"),
            project_id=call.project_id,
            user_id=call.token.user_id,
            size_gb=int(wanted.get("size") or 1),
            volume_type=str(wanted.get("volume_type") or call.cloud.config.volume_types[0]),
            metadata=wanted.get("metadata") or {},
            bootable=False,
            status="available",
            created_at=call.cloud.clock.now(),
            updated_at=None,
        )
        call.region.volumes[volume.id] = volume
        shown = {**views.volume(call.site, volume), "status": "creating"}
        del shown["os-vol-tenant-attr:tenant_id"]
        return Response(202, {"volume": shown})

    @service.route("DELETE", f"{_prefix}/volumes/{{id}}")
    def delete_volume(call: Call) -> Response:
        """Delete a volume that nothing uses."""
        volume = _find(call)
        if volume.status not in {"available", "error"}:
            raise _error(
                400,
                "badRequest",
                "Invalid volume: Volume status must be available or error or error_restoring or error_extending"
                " or error_managing and must not be migrating, attached, belong to a group, have snapshots,"
                " awaiting a transfer, or be disassociated from snapshots after volume transfer.",
            )
        del call.region.volumes[volume.id]
        return Response(202, "")

    @service.route("GET", f"{_prefix}/types")
    def list_types(call: Call) -> Response:
        """The volume types."""
        names = call.cloud.config.volume_types
        return Response(200, {"volume_types": [{"id": name, "name": name, "is_public": True} for name in names]})
