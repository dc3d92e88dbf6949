"""Sends the recorded requests to the simulated OpenStack, in the order of their recording."""

import json
import re
import time
from collections.abc import Callable

import httpx

from dev.simulators.openstack import OpenStackSimulator
from dev.simulators.openstack.config import Config, Project, User, load_config
from tests.contract.openstack_recordings import FULL_TEMPLATE, NAMES, Json, number_of, recording

DEADLINE_SECONDS = 20.0


def configuration(**changes: Json) -> Config:
    """A cloud with the names of the recorded one."""
    default = load_config()
    region = default.regions[0].model_copy(update={"id": "RegionOne", "description": ""})
    update = {
        "regions": [region],
        "projects": [Project(name="admin"), Project(name="demo"), Project(name="quota0")],
        "users": [
            User(name="admin", password="adminpass", projects=["admin", "demo"], roles=["admin", "member"]),
            User(
                name="demo",
                password="demopass",
                projects=["demo", "quota0"],
                roles=["reader", "member", "heat_stack_owner"],
            ),
        ],
        "application_credentials": [],
        "placement_reader_roles": ["admin"],
        "flavors": [flavor for flavor in default.flavors if not flavor.name.startswith("hearth.")],
        "images": [image for image in default.images if image.name == "tiny"],
        "token_cache_seconds": 0.0,
    }
    return default.model_copy(update=update | changes)


class Replay:
    """Sends recorded requests to a simulator, with its ids instead of the recorded ones."""

    def __init__(self, simulator: OpenStackSimulator) -> None:
        self.simulator = simulator
        self.http = httpx.Client(timeout=10)
        self.ids: dict[str, str] = {"full": FULL_TEMPLATE, "password": "demopass"}
        self.answers: dict[str, httpx.Response] = {}

    def ask(self, name: str, /, **ids: str) -> httpx.Response:
        """Send one recorded request, and store the answer under the recording's name."""
        wanted = recording(name)["request"]
        known = self.ids | ids
        path = fill(wanted["path"], known)
        body = wanted["body"]
        headers = {key: fill(value, known) for key, value in wanted["headers"].items()}
        content = None if body is None else body if isinstance(body, str) else json.dumps(fill(body, known))
        answer = self.http.request(
            wanted["method"], self.base(wanted["service"]) + path, headers=headers, content=content
        )
        assert name not in self.answers, f"{name} has been asked already"
        self.answers[name] = answer
        return answer

    def base(self, service: str) -> str:
        if service == "identity":
            return f"{self.simulator.base_url}/identity"
        return f"{self.simulator.base_url}/regions/RegionOne/{service}"

    def login(self, user: str = "demo", password: str = "demopass", project: str = "demo") -> tuple[str, Json]:
        domain = {"name": "Default"}
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user, "password": password, "domain": domain}},
        }
        body = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}
        answer = self.http.post(f"{self.base('identity')}/v3/auth/tokens", json=body)
        assert answer.status_code == 201
        return answer.headers["X-Subject-Token"], answer.json()["token"]

    def speed(self, speed: float) -> None:
        self.http.post(f"{self.simulator.control_url}/speed", json={"speed": speed}).raise_for_status()

    def get(self, service: str, path: str) -> Json:
        answer = self.http.get(
            self.base(service) + fill(path, self.ids), headers={"X-Auth-Token": self.ids["token"]}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def until(self, done: Callable[[], Json]) -> Json:
        """Call `done` until it returns a value, and return that value."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            if found := done():
                return found
            time.sleep(0.01)
        raise AssertionError("it did not happen in time")

    def stack_is(self, status: str) -> Json:
        def look() -> Json:
            stack = self.get("orchestration", "/v1/{project}/stacks/{name}/{id}")["stack"]
            return stack if stack["stack_status"] == status else None

        return self.until(look)

    def resource_is(self, name: str, status: str) -> Json:
        def look() -> Json:
            found = self.get("orchestration", "/v1/{project}/stacks/{name}/{id}/resources")["resources"]
            return [item for item in found if (item["resource_name"], item["resource_status"]) == (name, status)]

        return self.until(look)

    def create(self, name: str, stack_name: str) -> None:
        """Create a stack and make it the present one."""
        self.ids["name"] = stack_name
        self.ids["id"] = self.ask(name).json()["stack"]["id"]

    def remove(self) -> None:
        """Delete the present stack and wait until it is gone."""
        self.speed(200)
        url = self.base("orchestration") + fill("/v1/{project}/stacks/{name}/{id}", self.ids)
        self.http.delete(url, headers={"X-Auth-Token": self.ids["token"]})
        self.stack_is("DELETE_COMPLETE")


def fill(value: Json, ids: dict[str, str]) -> Json:
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: fill(item, ids) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, ids) for item in value]
    return value


def identity(replay: Replay) -> None:
    ask, ids = replay.ask, replay.ids
    for name in ("001-keystone-root", "002-keystone-v3"):
        ask(name)
    answer = ask("003-auth-password-project-scoped")
    ids["token"] = answer.headers["X-Subject-Token"]
    ids["project"] = answer.json()["token"]["project"]["id"]
    ids["user"] = answer.json()["token"]["user"]["id"]
    ask("004-auth-admin", password="adminpass")
    for name in (
        "005-auth-bad-password-401",
        "006-auth-unknown-user-401",
        "007-auth-unknown-project-401",
        "008-auth-no-role-on-project-401",
        "009-auth-malformed-400",
        "010-auth-not-json-400",
    ):
        ask(name)
    unscoped = ask("011-auth-unscoped").headers["X-Subject-Token"]
    ask("012-auth-rescope-token")
    ask("013-auth-nocatalog")
    made = ask("014-appcred-create").json()["application_credential"]
    document = json.dumps(recording("015-auth-application-credential"))
    recorded_id = re.search(r'"application_credential": \{"id": "([^"]+)"', document)
    assert recorded_id is not None
    ids[recorded_id[1]] = made["id"]
    credentials(replay, made)
    for name in (
        "017-token-validate",
        "018-token-head",
        "019-token-validate-unknown-404",
        "020-keystone-no-token-401",
        "021-keystone-bad-token-401",
        "022-keystone-403",
        "023-auth-catalog",
        "2097-keystone-auth-projects",
        "2098-keystone-projects-403",
        "2099-keystone-regions",
        "2100-keystone-auth-catalog",
        "2101-keystone-unknown",
    ):
        ask(name)
    ask("027-heat-unscoped-token", token=unscoped)


def credentials(replay: Replay, made: Json) -> None:
    """Sign in with application credentials, by the simulator's ids, which the recordings do not have."""
    for name, secret in (
        ("015-auth-application-credential", made["secret"]),
        ("016-auth-application-credential-bad-401", "bad"),
    ):
        body = {
            "auth": {
                "identity": {
                    "methods": ["application_credential"],
                    "application_credential": {"id": made["id"], "secret": secret},
                }
            }
        }
        replay.answers[name] = replay.http.post(f"{replay.base('identity')}/v3/auth/tokens", json=body)


def refusals(replay: Replay) -> None:
    """Requests that Heat and the other services refuse at once."""
    for name in NAMES:
        number = number_of(name)
        if number in {*range(24, 33), *range(193, 213), 214, 215} - {27, 30}:
            replay.ask(name, name="refused-1")
        if number in range(2200, 2240) and number != 2238:
            replay.ask(name, name="refused-2")
    for name in ("2091-heat-v1-root", "2092-heat-root-v1"):
        replay.ask(name)
    for name, stack_name in (("213-create-timeout-0", "bad-1"), ("2238-create-hidden", "hidden-1")):
        replay.speed(200)
        replay.create(name, stack_name)
        replay.stack_is("CREATE_COMPLETE")
        if name.startswith("213"):
            replay.ask("030-heat-stacks-empty")
        replay.remove()


def whole_life(replay: Replay) -> None:
    """A stack with every resource, from its creation to long after its deletion."""
    ask, ids = replay.ask, replay.ids
    replay.speed(0.001)
    replay.create("033-stack-create-201", "rec-full-1795169426")
    for name in (
        "034-stack-show-in-progress",
        "035-stack-events-in-progress",
        "036-stack-outputs-in-progress",
        "037-stack-output-show-in-progress",
        "038-stack-create-duplicate-while-in-progress-409",
    ):
        ask(name)
    replay.speed(50)
    replay.stack_is("CREATE_COMPLETE")
    remember_parts(replay)
    for name in NAMES:
        number = number_of(name)
        if number in range(49, 97) or number in range(102, 110):
            ask(name)
    other_services(replay)
    power(replay)
    replay.speed(0.001)
    ask("111-stack-update-put-202")
    ask("112-stack-show-update-in-progress")
    replay.speed(50)
    replay.stack_is("UPDATE_COMPLETE")
    ask("120-stack-show-update-complete")
    ask("121-stack-update-patch-202")
    replay.stack_is("UPDATE_COMPLETE")
    for request, answer, status in (
        ("131-stack-action-check", "138-stack-show-check-complete", "CHECK_COMPLETE"),
        ("139-stack-action-suspend", "148-stack-show-suspend-complete", "SUSPEND_COMPLETE"),
        ("149-stack-action-resume", "155-stack-show-resume-complete", "RESUME_COMPLETE"),
    ):
        ask(request)
        replay.stack_is(status)
        ask(answer)
    ask("156-stack-action-bad-400")
    old_id = ids["id"]
    after_life(replay)
    ids["id"] = old_id


def remember_parts(replay: Replay) -> None:
    """Store the ids of the stack's resources."""
    ids = replay.ids
    resources = replay.get("orchestration", "/v1/{project}/stacks/{name}/{id}/resources")["resources"]
    ids |= {item["resource_name"]: item["physical_resource_id"] for item in resources}
    ids["volume"] = ids["vol"]
    events = replay.get("orchestration", "/v1/{project}/stacks/{name}/{id}/resources/server/events")["events"]
    ids["event"] = events[-1]["id"]
    ids["image"] = replay.get("image", "/v2/images?name=tiny")["images"][0]["id"]
    flavors = replay.get("compute", "/v2.1/flavors")["flavors"]
    ids["flavor"] = next(item["id"] for item in flavors if item["name"] == "gpu-h100")


def other_services(replay: Replay) -> None:
    """Requests to Nova, Glance, Neutron, Cinder and Placement while the stack exists."""
    ask, ids, kept = replay.ask, replay.ids, dict(replay.ids)
    replay.create("2010-full-create", "h1-rec-full")
    replay.stack_is("CREATE_COMPLETE")
    remember_parts(replay)
    admin, _ = replay.login("admin", "adminpass", "admin")
    for name in NAMES:
        number = number_of(name)
        if number in {*range(2000, 2051)} - {2010} or number in range(2060, 2064) or number in range(2066, 2073):
            ask(name)
    ask("2051-neutron-port-delete-404")
    networks = {item["name"]: item["id"] for item in replay.get("network", "/v2.0/networks")["networks"]}
    port = replay.http.post(
        f"{replay.base('network')}/v2.0/ports",
        headers={"X-Auth-Token": ids["token"]},
        json={"port": {"network_id": networks["tenant"], "name": "h1-port"}},
    )
    replay.answers["2052-neutron-port-create"] = port
    ask("2054-neutron-ports")
    ask("2053-neutron-port-delete-204", port=port.json()["port"]["id"])
    made = ask("2064-cinder-volume-create").json()["volume"]["id"]
    ask("2065-cinder-volume-delete-202", volume=made)
    providers = replay.http.get(
        f"{replay.base('placement')}/resource_providers", headers={"X-Auth-Token": admin}
    ).json()["resource_providers"]
    provider = next(item["uuid"] for item in providers if item["name"].startswith("gpu-h100-1"))
    for name in NAMES:
        number = number_of(name)
        if number in range(2073, 2090) or name == "2099-placement-usages":
            ask(name, token=admin, provider=provider)
    ask("2103-keypair-delete")
    ask("2104-keypair-delete-404")
    replay.remove()
    replay.ids |= kept


def power(replay: Replay) -> None:
    def server_is(status: str) -> None:
        replay.until(lambda: replay.get("compute", "/v2.1/servers/{server}")["server"]["status"] == status)

    replay.ask("097-nova-server-stop")
    server_is("SHUTOFF")
    replay.ask("098-nova-server-shutoff")
    replay.ask("099-nova-server-stop-again-409")
    replay.ask("100-nova-server-start")
    server_is("ACTIVE")
    replay.ask("101-nova-server-reboot")
    server_is("ACTIVE")


def after_life(replay: Replay) -> None:
    ask, ids = replay.ask, replay.ids
    replay.speed(0.001)
    ask("157-stack-delete-204")
    ask("158-stack-show-delete-in-progress")
    ask("159-stack-delete-again-204")
    replay.speed(50)
    replay.stack_is("DELETE_COMPLETE")
    for name in NAMES:
        if number_of(name) in range(177, 188):
            ask(name)
    old_id = ids["id"]
    replay.create("188-stack-create-reusing-deleted-name", ids["name"])
    replay.stack_is("CREATE_COMPLETE")
    ask("189-stack-show-reused-name-302")
    ask("190-stack-show-empty-complete")
    ask("191-stack-show-old-id-after-reuse", id=old_id)
    replay.remove()


def failures(replay: Replay) -> None:
    """Stacks that cannot be created."""
    ask = replay.ask
    replay.speed(200)
    replay.create("217-novalidhost-create", "novalidhost-1")
    replay.stack_is("CREATE_FAILED")
    for name in ("465-show", "466-events", "467-resources", "468-outputs", "469-server"):
        number, part = name.split("-")
        ask(f"{number}-novalidhost-{part}")
    ask("470-create-duplicate-of-failed-409")
    replay.remove()
    replay.speed(50)
    replay.create("486-rollback-create", "rollback-1")
    replay.stack_is("ROLLBACK_COMPLETE")
    for name in ("490-rollback-show", "491-rollback-events", "492-rollback-resources"):
        ask(name)
    replay.remove()
    replay.create("589-testresource-fail-create", "testresource-fail-1")
    replay.stack_is("CREATE_FAILED")
    for name in ("598-testresource-fail-show", "599-testresource-fail-events", "600-testresource-fail-resources"):
        ask(name)
    replay.remove()
    replay.create("796-timeout-create", "timeout-1")
    replay.stack_is("CREATE_FAILED")
    for name in ("986-timeout-show", "987-timeout-events", "988-timeout-resources"):
        ask(name)
    replay.remove()


def interruptions(replay: Replay) -> None:
    """Stacks that are changed while they are being created."""
    ask = replay.ask
    replay.speed(10)
    replay.create("496-suspendinprogress-create", "suspendinprogress-1")
    replay.resource_is("t", "CREATE_IN_PROGRESS")
    ask("497-suspendinprogress-action")
    ask("499-suspendinprogress-show")
    replay.resource_is("t", "CREATE_COMPLETE")
    ask("500-suspendinprogress-events")
    ask("501-suspendinprogress-resources")
    replay.remove()
    replay.speed(2)
    replay.create("610-deleteduringcreate-create", "deleteduringcreate-1")
    replay.resource_is("server", "CREATE_IN_PROGRESS")
    replay.speed(0.001)
    ask("611-deleteduringcreate-show-before")
    ask("612-deleteduringcreate-delete")
    replay.speed(5)
    replay.stack_is("DELETE_IN_PROGRESS")
    ask("613-deleteduringcreate-show-after")
    finished(replay, ("646-deleteduringcreate-show", "647-deleteduringcreate-events"))
    ask("648-deleteduringcreate-resources")
    replay.speed(5)
    replay.create("649-deleteduringcreate-slow-create", "deleteduringcreate-slow-1")
    replay.resource_is("t", "CREATE_IN_PROGRESS")
    ask("650-deleteduringcreate-slow-delete")
    finished(replay, ("718-deleteduringcreate-slow-show", "719-deleteduringcreate-slow-events"))
    ask("720-deleteduringcreate-slow-resources")
    replay.speed(5)
    replay.create("721-cancelcreate-create", "cancelcreate-1")
    replay.resource_is("t", "CREATE_IN_PROGRESS")
    for name in ("722-cancelcreate-cancel-without-rollback", "724-cancelcreate-show", "725-cancelcreate-events"):
        ask(name)
    ask("726-cancelcreate-resources")
    replay.remove()
    updated(replay)


def finished(replay: Replay, names: tuple[str, ...]) -> None:
    replay.speed(50)
    replay.stack_is("DELETE_COMPLETE")
    for name in names:
        replay.ask(name)


def updated(replay: Replay) -> None:
    ask = replay.ask
    replay.speed(5)
    replay.create("9257-updateinprogress-create", "upd-1")
    replay.resource_is("t", "CREATE_IN_PROGRESS")
    ask("9258-updateinprogress-put")
    ask("9259-updateinprogress-show")
    replay.speed(50)
    replay.stack_is("UPDATE_COMPLETE")
    ask("9282-updateinprogress-final")
    ask("9283-updateinprogress-events")
    ask("9284-abandon-403-or-200")
    ask("2090-heat-abandon")
    ask("2096-heat-put-no-template")
    ask("2095-heat-patch-tags-only")
    ask("2094-heat-delete-302")
    replay.remove()


def quotas(replay: Replay) -> None:
    ask = replay.ask
    admin, _ = replay.login("admin", "adminpass", "demo")
    token, body = replay.login(project="quota0")
    project = body["project"]["id"]
    ask("1201-nova-quota-set", token=admin, project=project)
    replay.speed(50)
    demo, demo_token = dict(replay.ids), replay.ids["token"]
    replay.ids |= {"token": token, "project": project}
    replay.create("1203-quota-create", "quota-1")
    replay.stack_is("CREATE_FAILED")
    ask("1206-quota-show")
    ask("1207-quota-events")
    ask("1208-quota-other-project-sees", token=demo_token)
    replay.remove()
    replay.ids = demo


def tokens(replay: Replay) -> None:
    ask = replay.ask
    revoked, _ = replay.login()
    ask("1213-keystone-after-revoke-still-200-for-seconds", token=revoked)
    ask("1212-token-revoke-204", token=revoked)
    for name in ("1235-heat-after-revoke-401", "1236-nova-after-revoke-401", "1237-neutron-after-revoke-401"):
        ask(name, token=revoked)
    token, expired = replay.ids["token"], replay.login()[0]
    validating(replay, "1238-validate-revoked-404", token, revoked)
    replay.http.post(f"{replay.simulator.control_url}/tokens/expire", json={}).raise_for_status()
    for name in NAMES:
        if number_of(name) in range(9239, 9244):
            ask(name, token=expired)
    replay.ids["token"] = replay.login()[0]
    validating(replay, "9245-expiry-validate-expired-404", replay.ids["token"], expired)


def validating(replay: Replay, name: str, token: str, subject: str) -> None:
    replay.answers[name] = replay.http.get(
        f"{replay.base('identity')}/v3/auth/tokens",
        headers={"X-Auth-Token": token, "X-Subject-Token": subject},
    )


def delegated(replay: Replay, creates: tuple[str, str], made_by: str | None) -> None:
    """Stacks created with the tokens of application credentials, restricted and unrestricted."""
    replay.ids["token"], body = replay.login()
    replay.ids |= {"project": body["project"]["id"], "user": body["user"]["id"]}
    for name, unrestricted in zip(creates, (False, True), strict=True):
        url = f"{replay.base('identity')}/v3/users/{replay.ids['user']}/application_credentials"
        wanted = {"application_credential": {"name": f"for-{name}", "unrestricted": unrestricted}}
        if unrestricted and made_by:
            answer = replay.ask(made_by)
        else:
            answer = replay.http.post(url, headers={"X-Auth-Token": replay.ids["token"]}, json=wanted)
        made = answer.json()["application_credential"]
        credential = {"id": made["id"], "secret": made["secret"]}
        login = {"methods": ["application_credential"], "application_credential": credential}
        issued = replay.http.post(f"{replay.base('identity')}/v3/auth/tokens", json={"auth": {"identity": login}})
        if unrestricted and made_by:
            replay.answers["1194-auth-application-credential-unrestricted"] = issued
        replay.ask(name, token=issued.headers["X-Subject-Token"], name=f"acx-{number_of(name)}")


def all_answers() -> dict[str, httpx.Response]:
    """The simulator's answers to all recorded requests, by the recording's name."""
    found: dict[str, httpx.Response] = {}
    with OpenStackSimulator(configuration()) as simulator:
        replay = Replay(simulator)
        for part in (identity, refusals, whole_life, failures, interruptions, quotas, tokens):
            part(replay)
        delegated(
            replay,
            (
                "9249-appcred2-restricted-escape-hatch-on-create-stack",
                "9254-appcred2-unrestricted-escape-hatch-on-create-stack",
            ),
            None,
        )
        found |= replay.answers
    with OpenStackSimulator(configuration(application_credentials_create_stacks=False)) as simulator:
        replay = Replay(simulator)
        delegated(
            replay,
            ("1192-create-with-appcred-token", "1195-create-with-unrestricted-appcred-token"),
            "1193-appcred-create-unrestricted",
        )
        found |= replay.answers
    return found
