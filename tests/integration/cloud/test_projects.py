"""Projects, and API keys that are confined to one: through the API, on a real table."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.cloud.projects import DynamoProjects
from chalicelib.domain.cloud.projects.models import MAX_PROJECTS_PER_CUSTOMER
from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Principal, Role
from chalicelib.http.spec import EndpointSpec
from chalicelib.kernel.ids import Kind
from chalicelib.wiring.app import app
from tests.fakes.access import FakeAuthenticator, principal
from tests.integration.test_routes import SPECS, endpoints
from tests.support.api import Api
from tests.support.asking import body_of, kinds_in_path, path_of
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.world import World, WorldBuilder

MACHINE = {"region": "montreal", "instanceType": "cpu-4x8", "imageId": "ubuntu-22.04"}


@pytest.fixture
def world(builder: WorldBuilder, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> World:
    return builder.build(engine, clock, monkeypatch)


@pytest.fixture
def ann(world: World) -> Api:
    return world.ann.api


def made(person: Api, path: str, body: Any) -> str:
    answer = person.post(path, body)
    assert answer.status in {201, 202}, answer.text
    return str(answer.data.get("id") or answer.data["deploymentId"])


def machine(person: Api, world: World, **more: Any) -> str:
    return made(person, "/deployments", {**MACHINE, "sshKeyId": world.ann.ids[Kind.SSH_KEY], **more})


def settled(world: World, deployment_id: str) -> None:
    """End the deployment's operation, as its state machine would."""
    customer_id = world.ann.ids[Kind.CUSTOMER]
    before = app().cloud.deployment_records.deployment(customer_id, deployment_id)
    assert before
    after = before.changed(app().core.clock.now(), operation_id=None)
    app().core.transactor.commit([app().cloud.deployment_records.replace_deployment(before, after)])


def confined_key(world: World, project_id: str, monkeypatch: pytest.MonkeyPatch) -> Api:
    """An API key of Ann with every scope, confined to one project."""
    key = Principal(
        **{
            **vars(replace(principal(None), customer_id=world.ann.ids[Kind.CUSTOMER])),
            "api_key_id": "ak_test",
            "key_scopes": ROLE_SCOPES[Role.OWNER],
            "project_id": project_id,
            "session_id": "",
        }
    )
    give(people={"authenticator": FakeAuthenticator({"key": key})})
    return Api("key")


class TestProjects:
    def test_group_deployments(self, ann: Api, world: World) -> None:
        project_id = made(ann, "/projects", {"name": "Production"})
        inside, outside = machine(ann, world, projectId=project_id), machine(ann, world)
        assert ann.get(f"/deployments/{inside}").data["projectId"] == project_id
        assert ann.get(f"/deployments/{outside}").data["projectId"] is None
        listed = ann.get("/deployments", query={"projectId": project_id}).data
        assert [one["id"] for one in listed] == [inside]

    def test_have_names_of_their_own(self, ann: Api) -> None:
        first = made(ann, "/projects", {"name": "One"})
        second = made(ann, "/projects", {"name": "Two"})
        assert ann.post("/projects", {"name": "ONE"}).fields == {"name"}
        assert ann.patch(f"/projects/{second}", {"name": "one"}).fields == {"name"}
        assert ann.patch(f"/projects/{first}", {"name": "ONE"}).data["name"] == "ONE"
        assert ann.patch(f"/projects/{first}", {"name": "Three"}).status == 200
        assert ann.patch(f"/projects/{second}", {"name": "One"}).data["name"] == "One"
        assert ann.get(f"/projects/{second}").data["name"] == "One"

    def test_are_limited_in_number(self, ann: Api) -> None:
        for number in range(MAX_PROJECTS_PER_CUSTOMER - len(ann.get("/projects").data)):
            made(ann, "/projects", {"name": f"Number {number}"})
        assert ann.post("/projects", {"name": "One too many"}).code == "LIMIT_EXCEEDED"

    def test_are_deleted_when_they_are_empty(self, ann: Api, world: World) -> None:
        project_id = made(ann, "/projects", {"name": "Short-lived"})
        inside = machine(ann, world, projectId=project_id)
        assert ann.delete(f"/projects/{project_id}").code == "CONFLICT"
        settled(world, inside)
        assert ann.put(f"/deployments/{inside}/project", {"projectId": None}).data["projectId"] is None
        assert ann.delete(f"/projects/{project_id}").status == 200
        assert ann.get(f"/projects/{project_id}").code == ann.delete(f"/projects/{project_id}").code == "NOT_FOUND"
        refused = ann.post(
            "/deployments", {**MACHINE, "sshKeyId": world.ann.ids[Kind.SSH_KEY], "projectId": project_id}
        )
        assert (refused.code, refused.fields) == ("NOT_FOUND", {"projectId"})
        made(ann, "/projects", {"name": "Short-lived"})

    def test_no_deployment_slips_into_one_that_is_being_deleted(
        self, ann: Api, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is created just after the check that the project is empty."""
        project_id = made(ann, "/projects", {"name": "Race"})
        look = DynamoProjects.is_empty
        slipped_in: list[str] = []

        def look_and_let_in(records: DynamoProjects, customer_id: str, project: str) -> bool:
            was_empty = look(records, customer_id, project)
            if not slipped_in:
                slipped_in.append(machine(ann, world, projectId=project))
            return was_empty

        monkeypatch.setattr(DynamoProjects, "is_empty", look_and_let_in)
        assert ann.delete(f"/projects/{project_id}").code == "CONFLICT"
        assert ann.get(f"/deployments/{slipped_in[0]}").data["projectId"] == project_id
        assert ann.get(f"/projects/{project_id}").status == 200

    def test_at_once_a_deployment_is_made_or_its_project_is_deleted(self, ann: Api, world: World) -> None:
        for attempt in range(4):
            project_id = made(ann, "/projects", {"name": f"Race {attempt}"})
            body = {**MACHINE, "sshKeyId": world.ann.ids[Kind.SSH_KEY], "projectId": project_id}
            with ThreadPoolExecutor(2) as pool:
                create = pool.submit(ann.post, "/deployments", body)
                remove = pool.submit(ann.delete, f"/projects/{project_id}")
                statuses = (create.result().status, remove.result().status)
            assert statuses in {(202, 409), (404, 200)}

    def test_a_deployment_moves_between_operations(self, ann: Api, world: World) -> None:
        project_id = made(ann, "/projects", {"name": "Production"})
        moving = machine(ann, world)
        path = f"/deployments/{moving}/project"
        assert ann.put(path, {"projectId": project_id}).code == "OPERATION_IN_PROGRESS"
        settled(world, moving)
        assert ann.put(path, {"projectId": world.unknown(Kind.PROJECT)}).fields == {"projectId"}
        assert ann.put(path, {"projectId": project_id}).data["projectId"] == project_id
        log = {one["action"]: one for one in ann.get("/activity/recent").data if one["outcome"] == "done"}
        assert log["move_deployment"]["targets"] == {"deploymentId": moving, "projectId": project_id}


@pytest.mark.guarantee("G41")
class TestConfinedKeys:
    @endpoints([spec for spec in SPECS if {Kind.DEPLOYMENT, Kind.PROJECT} & set(kinds_in_path(spec).values())])
    def test_g41_things_of_no_or_another_project_do_not_exist_for_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch, spec: EndpointSpec
    ) -> None:
        own = made(world.ann.api, "/projects", {"name": "Its own"})
        inside = machine(world.ann.api, world, projectId=world.ann.ids[Kind.PROJECT])
        key = confined_key(world, own, monkeypatch)
        unknown = {kind: world.unknown(kind) for kind in (Kind.DEPLOYMENT, Kind.PROJECT)}
        body = body_of(spec, {**world.ann.ids, Kind.PROJECT: own})
        before = world.changes()
        for deployment_id in (world.ann.ids[Kind.DEPLOYMENT], inside):
            theirs = {**world.ann.ids, Kind.DEPLOYMENT: deployment_id}
            hers = key.call(spec.method, path_of(spec, theirs), json=body)
            never = key.call(spec.method, path_of(spec, {**theirs, **unknown}), json=body)
            assert (hers.status, hers.code) == (404, "NOT_FOUND")
            assert hers.text == never.text
        assert world.changes() == before

    def test_g41_lists_show_what_is_in_the_project(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        own = made(world.ann.api, "/projects", {"name": "Its own"})
        inside = machine(world.ann.api, world, projectId=own)
        key = confined_key(world, own, monkeypatch)
        other = world.ann.ids[Kind.PROJECT]
        for query in ({}, {"projectId": own}, {"sort": "createdAt"}, {"status": "REQUESTED"}):
            assert [one["id"] for one in key.get("/deployments", query=query).data] == [inside]
        assert key.get("/deployments", query={"projectId": other}).data == []
        assert [one["id"] for one in key.get("/projects").data] == [own]
        assert key.get(f"/deployments/{inside}").status == key.get(f"/projects/{own}").status == 200

    def test_g41_makes_deployments_in_the_project_only(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = made(world.ann.api, "/projects", {"name": "Its own"})
        once = {"Idempotency-Key": "once"}
        body = {**MACHINE, "sshKeyId": world.ann.ids[Kind.SSH_KEY]}
        hers = world.ann.api.post("/deployments", body, headers=once).data["deploymentId"]
        key, other = confined_key(world, own, monkeypatch), world.ann.ids[Kind.PROJECT]
        deployment_id = key.post("/deployments", body, headers=once).data["deploymentId"]
        assert deployment_id != hers
        assert key.get(f"/deployments/{deployment_id}").data["projectId"] == own
        assert key.post("/deployments", {**body, "projectId": other}).fields == {"projectId"}
        settled(world, deployment_id)
        for elsewhere in (other, None):
            moved = key.put(f"/deployments/{deployment_id}/project", {"projectId": elsewhere})
            assert (moved.code, moved.fields) == ("NOT_FOUND", {"projectId"})
        assert key.post("/projects", {"name": "Another"}).code == "FORBIDDEN"

    @pytest.mark.guarantee("G43")
    def test_g43_give_no_roles_since_those_reach_all_projects(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = made(world.ann.api, "/projects", {"name": "Its own"})
        body = {"email": "eve@example.com", "role": "viewer"}
        assert confined_key(world, "", monkeypatch).post("/members/invitations", body).status == 201
        body = {"email": "mallory@example.com", "role": "viewer"}
        assert confined_key(world, own, monkeypatch).post("/members/invitations", body).code == "FORBIDDEN"
