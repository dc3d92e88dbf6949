"""Glance v2: images, read only."""

from typing import Final

from dev.simulators.http import Response
from dev.simulators.openstack import views
from dev.simulators.openstack.api import ApiError, Call, Service, page, webob_error

_MINORS: Final = (15, 13, 12, 11, 10, 9, 8, 17, 7, 6, 5, 4, 3, 2, 1, 0)
_CURRENT: Final = 17


class Glance(Service):
    """The image service."""

    def unauthorized(self, call: Call) -> Response:
        """The answer to a bad token, in webob's format."""
        response = webob_error(
            401,
            "Unauthorized",
            "This server could not verify that you are authorized to access the document you requested."
            " Either you supplied the wrong credentials (e.g., bad password), or your browser does not understand"
            " how to supply the credentials required.",
        )
        response.headers.update(super().unauthorized(call).headers)
        return response


service = Glance("image")


def _versions(call: Call) -> Response:
    links = [{"rel": "self", "href": f"{call.service_url}/v2/"}]
    versions = [
        {"id": f"v2.{minor}", "status": "CURRENT" if minor == _CURRENT else "SUPPORTED", "links": links}
        for minor in _MINORS
    ]
    return Response(300, {"versions": versions})


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    return _versions(call)


@service.route("GET", "/versions", is_open=True)
def list_versions_again(call: Call) -> Response:
    """The versions of the API, under another path that discovery uses."""
    return _versions(call)


@service.route("GET", "/v2/images")
def list_images(call: Call) -> Response:
    """The images, all public."""
    query = call.query
    shown = [
        views.image(call.site, item)
        for item in call.site.config.images
        if query.get("name", item.name) == item.name and query.get("status", "active") == "active"
    ]
    limit = int(query["limit"]) if query.get("limit", "").isdigit() else None
    first = "/v2/images" + (f"?{call.request.query_string}" if call.request.query_string else "")
    return Response(
        200, {"images": page(shown, query.get("marker"), limit), "first": first, "schema": "/v2/schemas/images"}
    )


@service.route("GET", "/v2/images/{id}")
def show_image(call: Call) -> Response:
    """One image, by its id alone."""
    for item in call.site.config.images:
        if item.id == call.arguments["id"]:
            return Response(200, views.image(call.site, item))
    raise ApiError(webob_error(404, "Not Found", f"No image found with ID {call.arguments['id']}"))
