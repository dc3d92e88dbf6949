"""Approvals: actions that need the consent of a second member of the staff."""
