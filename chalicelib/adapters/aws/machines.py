"""The names of the state machines: the area whose functions each calls, and the name of its file."""

PROVISION = "cloud-deployment-provision"
DELETE = "cloud-deployment-delete"
POWER = "cloud-deployment-power"
BALANCE_WATCH = "cloud-balance-watch"

MACHINES = frozenset({PROVISION, DELETE, POWER, BALANCE_WATCH})
