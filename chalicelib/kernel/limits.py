"""Limits that hold everywhere: every list, wait and input has one."""

MAX_BODY_BYTES = 64 * 1024
MAX_PAGE_ITEMS = 100
DEFAULT_PAGE_ITEMS = 25
MAX_NUMBERED_ITEMS = 1000  # the items that numbered pages can reach, and that are counted
MAX_CURSOR_LENGTH = 2048
MAX_TRANSACTION_WRITES = 100  # DynamoDB: TransactWriteItems takes at most 100 actions

IDEMPOTENCY_KEY_TTL_SECONDS = 24 * 3600
REQUESTS_PER_MINUTE = 60
