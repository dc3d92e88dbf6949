"""The exchange of `list_deployments` with other frameworks, to compare first answers with theirs.

Both peers do the same work with plain boto3: check the token's signature, read the session with its membership and
customer, count the call, query the machines, and answer with a body that their framework has validated.
"""
