"""Step Functions, SQS, SNS and S3, one small module each."""
