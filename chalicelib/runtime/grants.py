"""Grants: the AWS permissions that functions declare (G48), each a few actions on named resources.

Resources are CloudFormation `Fn::Sub` strings. They may refer to the data stack's outputs, to `Installation`, and
to any resource of the core stack (`tools/template/stacks.py` passes them as parameters).
"""

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """Permission for `actions` on `resources`; functions with the same grants share one role."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


_TABLE = ("${TableArn}", "${TableArn}/index/*")
_ACCOUNT = "${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}"
_MACHINES = (f"arn:{_ACCOUNT % 'states'}:stateMachine:${{Installation}}-*",)
_CHANGE_QUEUES = f"arn:{_ACCOUNT % 'sqs'}:${{Installation}}-changes-*"
_DEAD_LETTERS = (
    f"arn:{_ACCOUNT % 'sqs'}:${{Installation}}-dead-*",
    "${NoticeDeadLetters.Arn}",
    "${MeteringDeadLetters.Arn}",
    "${UnsentChanges.Arn}",
)
_EXECUTIONS = (f"arn:{_ACCOUNT % 'states'}:execution:${{Installation}}-*",)

TABLE_READ = Grant("table_read", ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"), _TABLE)
TABLE_WRITE = Grant(
    "table_write",
    ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"),
    ("${TableArn}",),
)
TABLE_STREAM = Grant(
    "table_stream",
    ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    ("${TableStreamArn}",),
)
TABLE_STREAM_LIST = Grant("table_stream_list", ("dynamodb:ListStreams",), ("${TableArn}/stream/*",))
SIGNING_KEY = Grant("signing_key", ("secretsmanager:GetSecretValue",), ("${SigningKeyArn}",))
SEE_SIGNING_KEY = Grant("see_signing_key", ("secretsmanager:DescribeSecret",), ("${SigningKeyArn}",))
SEAL_SECRETS = Grant("seal_secrets", ("kms:Encrypt",), ("${SecretBoxKeyArn}",))
OPEN_SECRETS = Grant("open_secrets", ("kms:Decrypt",), ("${SecretBoxKeyArn}",))
PROVIDER_ACCESS = Grant("provider_access", ("secretsmanager:GetSecretValue",), ("${ProviderSecretArn}",))
PAYMENT_ACCESS = Grant("payment_access", ("secretsmanager:GetSecretValue",), ("${PaymentSecretArn}",))
SEND_MAIL = Grant("send_mail", ("ses:SendEmail",), (f"arn:{_ACCOUNT % 'ses'}:identity/*",))
READ_MAIL_QUOTA = Grant("read_mail_quota", ("ses:GetSendQuota",), ("*",))  # SES has no resource for it
START_MACHINES = Grant("start_machines", ("states:StartExecution",), _MACHINES)
INSPECT_EXECUTIONS = Grant("inspect_executions", ("states:DescribeExecution", "states:StopExecution"), _EXECUTIONS)
LIST_MACHINES = Grant("list_machines", ("states:DescribeStateMachine",), _MACHINES)
FAN_OUT_METERING = Grant("fan_out_metering", ("sqs:SendMessage",), ("${MeteringQueue.Arn}",))
WORK_METERING = Grant(
    "work_metering",
    ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    ("${MeteringQueue.Arn}",),
)
HAND_OVER_NOTICES = Grant("hand_over_notices", ("sqs:SendMessage",), ("${NoticeQueue.Arn}",))
WORK_NOTICES = Grant(
    "work_notices",
    ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    ("${NoticeQueue.Arn}",),
)
SEE_DEAD_NOTICES = Grant(
    "see_dead_notices", ("sqs:ReceiveMessage", "sqs:GetQueueAttributes"), ("${NoticeDeadLetters.Arn}",)
)
TAKE_DEAD_NOTICES = Grant("take_dead_notices", ("sqs:DeleteMessage",), ("${NoticeDeadLetters.Arn}",))
HAND_ON_CHANGES = Grant("hand_on_changes", ("sqs:SendMessage",), (_CHANGE_QUEUES, "${UnsentChanges.Arn}"))
SEE_DEAD_LETTERS = Grant("see_dead_letters", ("sqs:ReceiveMessage", "sqs:GetQueueAttributes"), _DEAD_LETTERS)
TAKE_DEAD_LETTERS = Grant("take_dead_letters", ("sqs:DeleteMessage", "sqs:ChangeMessageVisibility"), _DEAD_LETTERS)
REPLAY_DEAD_LETTERS = Grant(
    "replay_dead_letters",
    ("sqs:SendMessage",),
    (_CHANGE_QUEUES, "${NoticeQueue.Arn}", "${MeteringQueue.Arn}"),
)
ALERT_STAFF = Grant("alert_staff", ("sns:Publish",), ("${StaffAlertsTopic}",))
KEEP_DOCUMENTS = Grant("keep_documents", ("s3:GetObject", "s3:PutObject"), ("${ReportsBucketArn}/invoices/*",))
KEEP_EXPORTS = Grant("keep_exports", ("s3:GetObject", "s3:PutObject"), ("${ReportsBucketArn}/exports/*",))
GIVE_ACCOUNT_EXPORTS = Grant("give_account_exports", ("s3:GetObject",), ("${ReportsBucketArn}/account-exports/*",))
MAKE_ACCOUNT_EXPORTS = Grant(
    "make_account_exports",
    ("s3:PutObject", "s3:AbortMultipartUpload"),
    ("${ReportsBucketArn}/account-exports/*",),
)
WRITE_REPORTS = Grant("write_reports", ("s3:PutObject",), ("${ReportsBucketArn}/*",))
