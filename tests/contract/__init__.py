"""Contract suites for all providers and all gateways. Each runs on a lab: a service with faults to inject."""
