"""Money in and out: top-ups through payment gateways, their webhooks, refunds and disputes."""
