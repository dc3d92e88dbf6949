"""Contexts that every area uses: access, approvals, the activity log, health and others."""
