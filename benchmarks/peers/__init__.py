"""The exchange of `list_deployments` as others would write it, so that our first answers stand beside theirs.

Both peers do the same with boto3 alone: check the token's signature, read the session with the membership and the
customer behind it, count the call, query the machines, and answer with what their framework validated.
"""
