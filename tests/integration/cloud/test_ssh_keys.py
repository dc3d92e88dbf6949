"""SSH keys on the real table, through their endpoints."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chalicelib.adapters.dynamodb.cloud.ssh_keys import DynamoSshKeyRecords
from chalicelib.domain.cloud.ssh_keys.ports import KEY_THERE
from chalicelib.domain.cloud.ssh_keys.service import MAX_KEYS_PER_CUSTOMER
from chalicelib.kernel.errors import Conflict, LimitExceeded, NotFound
from chalicelib.kernel.pages import PageRequest
from chalicelib.kernel.transactions import ConditionFailed
from chalicelib.wiring.app import app
from tests.fakes.access import FakeAuthenticator, principal
from tests.support.api import Api
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give

_CUSTOMER = "cus_01J00000000000000000000000"


@pytest.fixture
def signed_in(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A person with a customer of their own; `other` is another person."""
    authenticator = FakeAuthenticator({"mine": principal(), "other": principal()})
    give(people={"authenticator": authenticator})
    return api.as_bearer("mine")


def public_key(comment: str = "") -> str:
    """A new key."""
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    return f"{public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}".strip()


def test_a_key_is_kept_listed_and_forgotten(signed_in: Api) -> None:
    text = public_key("me@laptop")
    created = signed_in.post("/ssh-keys", {"name": "laptop", "publicKey": text})
    assert created.status == 201
    assert (created.data["name"], created.data["algorithm"]) == ("laptop", "ssh-ed25519")
    assert created.data["publicKey"] == text.removesuffix(" me@laptop")
    assert signed_in.get("/ssh-keys").data == [created.data]
    key_id = created.data["id"]
    assert signed_in.delete(f"/ssh-keys/{key_id}").data == {"id": key_id}
    assert signed_in.get("/ssh-keys").data == []
    assert signed_in.delete(f"/ssh-keys/{key_id}").status == 404


def test_a_forgotten_key_leaves_its_name_its_fingerprint_and_its_place_free(signed_in: Api, table: Engine) -> None:
    text = public_key()
    for _ in range(2):
        created = signed_in.post("/ssh-keys", {"name": "laptop", "publicKey": text})
        assert created.status == 201
        signed_in.delete(f"/ssh-keys/{created.data['id']}")
    left = [item for item in table.items() if item["sk"]["S"].startswith("SSH_KEY")]
    assert [(item["kind"]["S"], item["keys"]["N"]) for item in left] == [("SSH_KEY_COUNT", "0")]


def test_names_are_unique_in_any_case(signed_in: Api) -> None:
    signed_in.post("/ssh-keys", {"name": "Straße", "publicKey": public_key()})
    again = signed_in.post("/ssh-keys", {"name": "STRASSE", "publicKey": public_key()})
    assert (again.status, again.code, again.fields) == (409, "CONFLICT", {"name"})


def test_a_key_is_kept_once(signed_in: Api) -> None:
    text = public_key()
    signed_in.post("/ssh-keys", {"name": "laptop", "publicKey": text})
    again = signed_in.post("/ssh-keys", {"name": "desktop", "publicKey": f"{text} another comment"})
    assert (again.status, again.code, again.fields) == (409, "CONFLICT", {"publicKey"})
    both = signed_in.post("/ssh-keys", {"name": "laptop", "publicKey": text})
    assert both.fields == {"name", "publicKey"}


@pytest.mark.guarantee("G41")
def test_g41_a_strangers_key_is_not_there_but_may_be_kept_too(signed_in: Api) -> None:
    text = public_key()
    mine = signed_in.post("/ssh-keys", {"name": "laptop", "publicKey": text}).data
    other = signed_in.as_bearer("other")
    assert other.get("/ssh-keys").data == []
    assert other.delete(f"/ssh-keys/{mine['id']}").status == 404
    assert other.post("/ssh-keys", {"name": "laptop", "publicKey": text}).status == 201
    assert signed_in.get("/ssh-keys").data == [mine]


@pytest.mark.guarantee("G46")
def test_g46_a_private_key_is_refused_and_neither_kept_nor_logged(
    signed_in: Api, table: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    answer = signed_in.post("/ssh-keys", {"name": "laptop", "publicKey": pem}, headers={"Idempotency-Key": "once"})
    assert (answer.status, answer.code, answer.fields) == (400, "VALIDATION_ERROR", {"publicKey"})
    assert "private key" in answer.error["message"]
    written = capfd.readouterr()
    everything = [answer.text, written.out, written.err, *map(str, table.items())]
    assert not any(line in text for line in pem.splitlines()[1:-1] for text in everything)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "publicKey"}),
        ({"name": " ", "publicKey": "ssh-rsa x"}, {"name"}),
        ({"name": "a\nb", "publicKey": "ssh-rsa x"}, {"name"}),
        ({"name": "n" * 65, "publicKey": "ssh-rsa x"}, {"name"}),
        ({"name": "laptop", "publicKey": "x" * 20_000}, {"publicKey"}),
        ({"name": "laptop", "publicKey": "hello"}, {"publicKey"}),
        ({"name": "laptop", "publicKey": 7}, {"publicKey"}),
    ],
)
def test_wrong_fields_are_refused_by_name(signed_in: Api, body: dict[str, object], fields: set[str]) -> None:
    answer = signed_in.post("/ssh-keys", body)
    assert (answer.status, answer.fields) == (400, fields)


def test_lists_come_in_pages_oldest_first(signed_in: Api, clock: SettableClock) -> None:
    made = [f"key {number}" for number in range(5)]
    for name in made:
        signed_in.post("/ssh-keys", {"name": name, "publicKey": public_key()})
        clock.advance(1)
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        page = signed_in.get("/ssh-keys", query=query)
        seen += [entry["name"] for entry in page.data]
        if page.next_cursor is None:
            break
        query["cursor"] = page.next_cursor
    assert seen == made


def test_a_customer_has_at_most_fifty_keys_however_many_ask_at_once(table: Engine) -> None:
    keys = app().cloud.ssh_keys
    for number in range(MAX_KEYS_PER_CUSTOMER - 4):
        keys.add(_CUSTOMER, f"key {number}", public_key())

    def add(number: int) -> bool:
        try:
            keys.add(_CUSTOMER, f"late {number}", public_key())
        except LimitExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(add, range(12)))
    assert kept.count(True) == 4
    assert len(keys.list(_CUSTOMER, PageRequest(limit=100)).items) == MAX_KEYS_PER_CUSTOMER


def test_of_many_who_want_one_name_or_one_key_one_gets_it(table: Engine) -> None:
    keys, text = app().cloud.ssh_keys, public_key()

    def add(number: int) -> bool:
        try:
            keys.add(_CUSTOMER, "same" if number % 2 else f"name {number}", public_key() if number % 2 else text)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(add, range(12)))
    assert kept.count(True) == 2


def test_of_many_who_forget_one_key_one_does(table: Engine) -> None:
    keys = app().cloud.ssh_keys
    key = keys.add(_CUSTOMER, "laptop", public_key())

    def remove(_: int) -> bool:
        try:
            keys.remove(_CUSTOMER, key.id)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(remove, range(8))).count(True) == 1
    (count,) = [item for item in table.items() if item["kind"]["S"] == "SSH_KEY_COUNT"]
    assert count["keys"]["N"] == "0"


def test_a_key_that_was_forgotten_since_it_was_read_is_not_forgotten_again(table: Engine) -> None:
    keys, records = app().cloud.ssh_keys, DynamoSshKeyRecords()
    key = keys.add(_CUSTOMER, "laptop", public_key())
    keys.remove(_CUSTOMER, key.id)
    before = table.items()
    with pytest.raises(ConditionFailed, match=KEY_THERE):
        app().core.transactor.commit(records.remove(key))
    assert table.items() == before
