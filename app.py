"""The Chalice application: every function of the registry as a Lambda, every route also as a route.

Chalice reads this file to package the product and to run `chalice local`. Lambdas never import it: each is
entered through its own module of `functions/`.
"""

from collections.abc import Callable
from typing import Any

from chalice import Blueprint, Chalice, CORSConfig, Response
from chalice.app import Request

from chalicelib.runtime.registry import Function, Route, load_all

CORS = CORSConfig(
    allow_headers=["Idempotency-Key", "X-CSRF-Token", "X-Customer-Id", "X-Request-Id"],
    expose_headers=["Retry-After", "X-Request-Id", "Idempotency-Replayed"],
    max_age=600,
    allow_credentials=True,
)


def _named(function: Function) -> Callable[[Any, Any], Any]:
    """The handler under its registered name: Chalice makes the Lambda's handler string from `__name__`."""

    def handler(event: Any, context: Any) -> Any:
        return function.handler(event, context)

    handler.__name__ = function.name
    return handler


def _gateway_event(request: Request) -> dict[str, Any]:
    """The event as API Gateway would send it; Chalice's local server leaves some of it out."""
    event: dict[str, Any] = request.to_original_event()
    body = event.get("body")
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    said_at_the_top = {"httpMethod": request.method, "resource": request.path, "path": request.context.get("path")}
    return said_at_the_top | event | {"body": text}


def _response(answer: dict[str, Any]) -> Response:
    """The handler's answer in Chalice's words: a header with several values is a list, any other is not."""
    headers: dict[str, Any] = dict(answer.get("headers") or {})
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers[name] = values[0] if len(values) == 1 else values
    return Response(answer.get("body", ""), headers, answer["statusCode"])


def _view(function: Function, blueprint: Blueprint, name: str) -> Callable[..., Response]:
    """The function as a Chalice view; Chalice wants a name of its own for each route."""

    def view(**_path_parameters: str) -> Response:
        request = blueprint.current_request
        return _response(function.handler(_gateway_event(request), request.lambda_context))

    view.__name__ = name
    return view


def _mount(function: Function, application: Chalice) -> None:
    blueprint = Blueprint(function.module)
    blueprint.lambda_function(name=function.name)(_named(function))
    if isinstance(function.trigger, Route):
        for number, (method, path) in enumerate(function.trigger.places):
            view = _view(function, blueprint, f"{function.name}_view_{number}")
            blueprint.route(path, methods=[method], cors=CORS)(view)
    application.register_blueprint(blueprint)


app = Chalice(app_name="hearth")
for _function in load_all():
    _mount(_function, app)
