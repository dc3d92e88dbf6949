"""What endpoints take and answer, one module a resource."""
