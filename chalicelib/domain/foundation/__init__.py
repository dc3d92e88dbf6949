"""What every area stands on: who may do what, approvals, the activity log, health."""
