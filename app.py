"""The Chalice application: every function of the registry as a Lambda, every route also as a route.

Chalice reads this file to package the product and to run `chalice local`. Lambdas never import it: each is
entered through its own module of `functions/`.
"""

from collections.abc import Callable
from typing import Any

from chalice import Blueprint, Chalice, CORSConfig, Response

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


def _view(function: Function, blueprint: Blueprint) -> Callable[..., Response]:
    """The function as a Chalice view, which hands it the event that API Gateway would."""

    def view(**_path_parameters: str) -> Response:
        request = blueprint.current_request
        answer = function.handler(request.to_original_event(), request.lambda_context)
        headers = {**answer.get("headers", {}), **answer.get("multiValueHeaders", {})}
        return Response(answer.get("body", ""), headers, answer["statusCode"])

    view.__name__ = f"{function.name}_view"
    return view


def _mount(function: Function, application: Chalice) -> None:
    blueprint = Blueprint(function.module)
    blueprint.lambda_function(name=function.name)(_named(function))
    if isinstance(function.trigger, Route):
        route = blueprint.route(function.trigger.path, methods=[function.trigger.method], cors=CORS)
        route(_view(function, blueprint))
    application.register_blueprint(blueprint)


app = Chalice(app_name="hearth")
for _function in load_all():
    _mount(_function, app)
