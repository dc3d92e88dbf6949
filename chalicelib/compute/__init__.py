"""Deployments: machines that customers run on providers, and the operations that change them."""
