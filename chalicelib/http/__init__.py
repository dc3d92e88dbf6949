"""The door: everything that all endpoints share, behind one decorator."""

from chalicelib.http.callers import Caller, Visitor
from chalicelib.http.endpoint import HASHING_MEMORY_MB, endpoint
from chalicelib.http.models import (
    ApiModel,
    Cookie,
    Document,
    Listing,
    Money,
    PageQuery,
    PlainText,
    RawRequest,
    Reply,
    SpanQuery,
    StaffChange,
    StaffPageQuery,
)

__all__ = [
    "HASHING_MEMORY_MB",
    "ApiModel",
    "Caller",
    "Cookie",
    "Document",
    "Listing",
    "Money",
    "PageQuery",
    "PlainText",
    "RawRequest",
    "Reply",
    "SpanQuery",
    "StaffChange",
    "StaffPageQuery",
    "Visitor",
    "endpoint",
]
