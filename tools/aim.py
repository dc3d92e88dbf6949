"""Directs the AWS clients of a command to one cloud, whatever its environment says."""

from collections.abc import Mapping


def aimed(environment: Mapping[str, str], endpoint: str, region: str, key: str, secret: str) -> dict[str, str]:
    """Return `environment` without AWS variables, except those that lead to `endpoint`.

    A profile, a session's token, or the address of a single service (`AWS_ENDPOINT_URL_DYNAMODB`) would lead some
    client elsewhere.
    """
    others = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    return others | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
    }
