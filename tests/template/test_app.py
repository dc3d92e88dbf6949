"""The Chalice application has exactly the registry's functions, and works with `chalice local`."""

from typing import Any

from chalice.test import Client

from app import app
from chalicelib.runtime.registry import Route, load_all


def test_every_function_is_a_lambda_with_a_handler_of_its_own_module() -> None:
    """Lambda then imports only the function's module, and not the application."""
    made = {found.name: found.handler_string for found in app.pure_lambda_functions}
    assert made == {function.name: f"{function.module}.{function.name}" for function in load_all()}


def test_every_route_and_no_other_is_mounted_with_cors() -> None:
    """The front end calls every route."""
    mounted: dict[tuple[str, str], Any] = {
        (method, path): entry for path, entries in app.routes.items() for method, entry in entries.items()
    }
    declared = [function.trigger for function in load_all() if isinstance(function.trigger, Route)]
    assert set(mounted) == {place for trigger in declared for place in trigger.places}
    assert all(entry.cors.get_access_control_headers() for entry in mounted.values())


def test_a_view_hands_the_gateways_event_to_the_handler() -> None:
    """The door answers as behind API Gateway, also for a value in the path."""
    with Client(app) as client:
        for path in ("/me", "/deployments/dep_01J00000000000000000000000"):
            answer = client.http.get(path)
            assert answer.status_code == 401, answer.body
            assert answer.json_body["success"] is False
            assert answer.headers["Content-Type"].startswith("application/json")
