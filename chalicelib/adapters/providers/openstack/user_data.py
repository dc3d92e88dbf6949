"""A Linux machine's user data: the customer's own, with the SSH key added.

The rules are cloud-init's (docs.cloud-init.io: User data formats; Merging user data sections). The key is in a
part of its own, merged after the customer's, so that neither replaces the other.
"""

import json
import re
from email import message_from_string
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from hashlib import sha256
from typing import Final

from chalicelib.domain.cloud.providers.errors import SpecRejected

_SSH_KEY: Final = re.compile(
    r"(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    r" [A-Za-z0-9+/]+={0,3}( [^\r\n]*)?"
)
_KINDS: Final = (
    ("#!", "x-shellscript"),
    ("#cloud-config", "cloud-config"),
    ("#cloud-boothook", "cloud-boothook"),
    ("#include", "x-include-url"),
    ("## template: jinja", "jinja2"),
)
_MIME: Final = re.compile(r"(content-type|mime-version):", re.IGNORECASE)
_APPEND: Final = [
    {"name": "list", "settings": ["append"]},
    {"name": "dict", "settings": ["no_replace", "recurse_list"]},
]


def with_ssh_key(user_data: str, ssh_public_key: str) -> str:
    """Return `user_data` for cloud-init, with `ssh_public_key` authorised for the image's default user.

    The same arguments give the same text.

    Raises:
        SpecRejected: the key is not one line in OpenSSH's format, or cloud-init would ignore the user data.
    """
    key = ssh_public_key.strip()
    if not _SSH_KEY.fullmatch(key):
        raise SpecRejected("ssh_public_key: is not an OpenSSH public key on one line")
    if not user_data.strip():
        return "#cloud-config\n" + json.dumps({"ssh_authorized_keys": [key]}) + "\n"
    adding_key = {"ssh_authorized_keys": [key], "merge_how": _APPEND}
    document = MIMEMultipart(boundary=f"hearth-{sha256(user_data.encode()).hexdigest()[:32]}")
    document.attach(_part(user_data))
    document.attach(MIMEText("#cloud-config\n" + json.dumps(adding_key) + "\n", "cloud-config"))
    return document.as_string()


def _part(user_data: str) -> Message:
    if _MIME.match(user_data):
        return message_from_string(user_data)
    for start, kind in _KINDS:
        if user_data.startswith(start):
            return MIMEText(user_data, kind)
    known = ", ".join(start for start, _ in _KINDS)
    raise SpecRejected(f"user_data: must start with one of {known}, or be a MIME document")
