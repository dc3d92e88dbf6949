"""Adapters for AWS services: Step Functions, SQS, SNS, S3, KMS and Secrets Manager, one small module each."""
