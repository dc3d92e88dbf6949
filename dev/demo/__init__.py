"""The demo for newcomers: customers' journeys through the local cloud, with every step checked."""
