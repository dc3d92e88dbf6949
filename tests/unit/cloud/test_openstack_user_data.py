"""User data, as cloud-init parses it."""

import json
from email import message_from_string
from email.message import Message

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.providers.openstack.user_data import with_ssh_key
from chalicelib.domain.cloud.providers.errors import SpecRejected

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGm0Zb4yqk7m1jv8v0yP2b8S0yqkq3Wb0Qb0cJ1m2p3L someone@example.net"


def parts_of(user_data: str) -> list[tuple[str, str]]:
    """The kind and the text of each part for cloud-init."""

    def text(part: Message) -> str:
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload.decode(part.get_content_charset() or "ascii")

    return [
        (part.get_content_subtype(), text(part))
        for part in message_from_string(user_data).walk()
        if not part.is_multipart()
    ]


def test_a_key_alone_is_a_cloud_config() -> None:
    made = with_ssh_key("", f"  {KEY}\n")

    assert made.startswith("#cloud-config\n")
    assert yaml.safe_load(made) == {"ssh_authorized_keys": [KEY]}


@pytest.mark.parametrize(
    ("user_data", "kind"),
    [
        ("#!/bin/sh\necho hello\n", "x-shellscript"),
        ("#cloud-config\nruncmd: [ls]\n", "cloud-config"),
        ("#cloud-config\nssh_authorized_keys: [mine]\n# grüße\n", "cloud-config"),
        ("#include\nhttps://example.net/config\n", "x-include-url"),
        ("#cloud-boothook\ntrue\n", "cloud-boothook"),
        ("## template: jinja\n#cloud-config\n{}\n", "jinja2"),
    ],
)
def test_the_customers_part_stays_whole_and_the_key_is_merged_after_it(user_data: str, kind: str) -> None:
    theirs, ours = parts_of(with_ssh_key(user_data, KEY))

    assert theirs == (kind, user_data)
    assert ours[0] == "cloud-config"
    config = json.loads(ours[1].removeprefix("#cloud-config\n"))
    assert config["ssh_authorized_keys"] == [KEY]
    assert {rule["name"]: rule["settings"] for rule in config["merge_how"]} == {
        "list": ["append"],
        "dict": ["no_replace", "recurse_list"],
    }


def test_a_mime_document_is_kept_within_ours() -> None:
    theirs = with_ssh_key("#!/bin/sh\ntrue\n", KEY)

    kinds = [kind for kind, _ in parts_of(with_ssh_key(theirs, KEY))]

    assert kinds == ["x-shellscript", "cloud-config", "cloud-config"]


@given(st.text())
def test_the_same_arguments_give_the_same_text(body: str) -> None:
    user_data = f"#!/bin/sh\n{body}"

    assert with_ssh_key(user_data, KEY) == with_ssh_key(user_data, KEY)


@pytest.mark.parametrize("user_data", ["echo hello", "{}", "runcmd: [ls]"])
def test_what_cloud_init_would_ignore_is_rejected(user_data: str) -> None:
    with pytest.raises(SpecRejected, match=r"^user_data: "):
        with_ssh_key(user_data, KEY)


@pytest.mark.parametrize(
    "key", ["", "ssh-dss AAAA", "ssh-rsa", f"{KEY}\n{KEY}", "AAAAC3NzaC1lZDI1NTE5", "ssh-rsa ä"]
)
def test_what_is_not_one_public_key_is_rejected(key: str) -> None:
    with pytest.raises(SpecRejected, match=r"^ssh_public_key: "):
        with_ssh_key("", key)
