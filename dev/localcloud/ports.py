"""The ports of the local cloud: the usual ones if they are free, else others."""

import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """One port for each service."""

    api: int = 8000
    """`/api`, `/webhooks/<name>` and `/websocket`."""
    aws: int = 4566
    control: int = 8001
    mailbox: int = 8025
    openstack: int = 8774
    stripe: int = 8100
    paypal: int = 8101
    btcpay: int = 8102
    oxapay: int = 8103
    bank: int = 8104


def choose(remembered: Mapping[str, int]) -> Ports:
    """The ports of the last run, else the usual ones; each port that is in use is replaced by a free one."""
    chosen: dict[str, int] = {}
    for name, usual in asdict(Ports()).items():
        wanted = remembered.get(name, usual)
        chosen[name] = wanted if _is_free(wanted) and wanted not in chosen.values() else _any_free()
    return Ports(**chosen)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
