"""The door: everything that all endpoints share, behind one decorator."""

from chalicelib.http.callers import Caller, Visitor
from chalicelib.http.endpoint import endpoint
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
    StaffChange,
    StaffPageQuery,
)

__all__ = [
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
    "StaffChange",
    "StaffPageQuery",
    "Visitor",
    "endpoint",
]
