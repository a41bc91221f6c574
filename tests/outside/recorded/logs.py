"""CloudWatch Logs: groups, streams, events and what is refused."""

import time

from case import LOCALSTACK, STACKD, A, Fails, Gives, R, case, client


def logs_cases():
    logs, now = client("logs"), int(time.time() * 1000)
    hour, day = 3_600_000, 86_400_000
    for name in ("/rec/a", "/rec/tags"):
        logs.create_log_group(logGroupName=name, tags={"owner": "us", "phase": "new"})
    for name in ("s", "s2", "mixed", "span", "bytes", "seq"):
        logs.create_log_stream(logGroupName="/rec/a", logStreamName=name)
    arn = f"arn:aws:logs:{R}:{A}:log-group:/rec/tags"
    ingestion, group_at = STACKD + "testdata/aws/logs/ingestion.json", {"logGroupName": "/rec/a"}
    stream_at = group_at | {"logStreamName": "s"}
    at_ls = LOCALSTACK + "logs/test_logs_{}.snapshot.json"
    no_group = Fails(400, "ResourceNotFoundException", "The specified log group does not exist.")
    no_stream = Fails(400, "ResourceNotFoundException", "The specified log stream does not exist.")

    def put(stream, *offsets, message="m", **more):
        events = [{"timestamp": now + offset, "message": message} for offset in offsets]
        return lambda: logs.put_log_events(**group_at, logStreamName=stream, logEvents=events, **more)

    def add(source, situation, expected, call):
        case("logs", source, situation, expected)(call)

    streams, groups, events, filtered = (at_ls.format(x) for x in ("streams", "groups", "events", "filter_events"))
    add(
        groups,
        "create a group twice",
        Fails(400, "ResourceAlreadyExistsException", "The specified log group already exists"),
        lambda: logs.create_log_group(**group_at),
    )
    add(
        groups,
        "a name of 513 characters",
        Fails(
            400,
            "InvalidParameterException",
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
        ),
        lambda: logs.create_log_group(logGroupName="a" * 513),
    )
    add(
        groups,
        "prefix and pattern",
        Fails(
            400,
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ),
        lambda: logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="b"),
    )
    add(
        groups,
        "groups by pattern",
        Gives(has=("logGroups__0__logGroupArn",), lacks=("logGroups__0__storedBytes", "logGroups__0__deletionProtectionEnabled")),
        lambda: logs.describe_log_groups(logGroupNamePattern="rec/a"),
    )
    add(
        groups,
        "groups by prefix",
        Gives(
            has=("logGroups__0__storedBytes", "logGroups__0__metricFilterCount"),
            logGroups__0__logGroupClass="STANDARD",
            logGroups__0__deletionProtectionEnabled=False,
        ),
        lambda: logs.describe_log_groups(logGroupNamePrefix="/rec/a"),
    )
    add(
        ingestion,
        "tags of a new group",
        Gives(tags={"owner": "us", "phase": "new"}),
        lambda: logs.list_tags_for_resource(resourceArn=arn),
    )

    def merged():
        logs.tag_resource(resourceArn=arn, tags={"phase": "later", "extra": "value"})
        logs.untag_resource(resourceArn=arn, tagKeys=["phase", "absent"])
        return logs.list_tags_for_resource(resourceArn=arn)

    add(
        ingestion,
        "tags replaced, one taken away, one that is not there",
        Gives(tags={"owner": "us", "extra": "value"}),
        merged,
    )
    add(
        groups,
        "ListTagsLogGroup shows the same tags",
        Gives(tags={"owner": "us", "extra": "value"}),
        lambda: logs.list_tags_log_group(logGroupName="/rec/tags"),
    )
    add(
        streams,
        "create a stream twice",
        Fails(400, "ResourceAlreadyExistsException", "The specified log stream already exists"),
        lambda: logs.create_log_stream(**stream_at),
    )
    add(
        streams,
        "streams of a new stream",
        Gives(
            has=("logStreams__0__creationTime",),
            lacks=("logStreams__0__firstEventTimestamp", "logStreams__0__uploadSequenceToken"),
            logStreams__0__storedBytes=0,
        ),
        lambda: logs.describe_log_streams(**group_at, logStreamNamePrefix="s2"),
    )
    add(
        streams,
        "streams by the group's ARN",
        Gives(has=("logStreams__0__arn",)),
        lambda: logs.describe_log_streams(logGroupIdentifier=arn.replace("tags", "a"), logStreamNamePrefix="s2"),
    )
    add(
        streams,
        "streams by the group's name and ARN",
        Fails(400, "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters."),
        lambda: logs.describe_log_streams(**group_at, logGroupIdentifier=arn),
    )
    add(
        ingestion,
        "a stream in a missing group",
        no_group,
        lambda: logs.create_log_stream(logGroupName="/none", logStreamName="s"),
    )
    add(ingestion, "delete a missing group", no_group, lambda: logs.delete_log_group(logGroupName="/none"))
    add(
        ingestion,
        "delete a missing stream",
        no_stream,
        lambda: logs.delete_log_stream(**group_at, logStreamName="none"),
    )
    add(
        ingestion,
        "delete a stream of a missing group",
        no_group,
        lambda: logs.delete_log_stream(logGroupName="/none", logStreamName="s"),
    )
    add(ingestion, "put to a missing stream", no_stream, put("none", -hour))
    add(
        ingestion,
        "put to a missing group",
        no_group,
        lambda: logs.put_log_events(
            logGroupName="/none", logStreamName="s", logEvents=[{"timestamp": now, "message": "m"}]
        ),
    )
    add(
        ingestion, "get from a missing stream", no_stream, lambda: logs.get_log_events(**group_at, logStreamName="none")
    )
    add(
        events,
        "get from a missing group",
        no_group,
        lambda: logs.get_log_events(logGroupName="/none", logStreamName="s"),
    )
    add(ingestion, "put without a sequence token", Gives(has=("nextSequenceToken",)), put("seq", -3000, -2000, -1000))
    add(
        ingestion,
        "put with a token that is none",
        Gives(has=("nextSequenceToken",)),
        put("seq", -900, sequenceToken="no-token"),
    )
    add(
        ingestion,
        "the same events again are kept again",
        Gives(has=("nextSequenceToken",)),
        put("seq", -3000, -2000, -1000),
    )

    def twice():
        return {
            "ResponseMetadata": {"HTTPStatusCode": 200},
            "count": len(logs.get_log_events(**group_at, logStreamName="seq", startFromHead=True)["events"]),
        }

    add(ingestion, "and read twice", Gives(count=7), twice)
    add(
        ingestion,
        "events in the wrong order",
        Fails(
            400,
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.",
        ),
        put("seq", -1000, -2000),
    )
    add(ingestion, "exactly 24 hours", Gives(lacks=("rejectedLogEventsInfo",)), put("span", -26 * hour, -2 * hour))
    add(
        ingestion,
        "24 hours and a millisecond",
        Fails(
            400,
            "InvalidParameterException",
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ),
        put("span", -26 * hour - 1, -2 * hour),
    )
    add(
        events,
        "an event 16 days old alone",
        Gives(rejectedLogEventsInfo={"tooOldLogEventEndIndex": 1}),
        put("s", -16 * day),
    )
    add(
        events,
        "an event 3 hours ahead alone",
        Gives(rejectedLogEventsInfo={"tooNewLogEventStartIndex": 0}),
        put("s", 3 * hour),
    )
    add(
        ingestion,
        "a message of one megabyte, old",
        Gives(rejectedLogEventsInfo={"tooOldLogEventEndIndex": 1}),
        put("bytes", -16 * day, message="é" * 524_275),
    )
    add(
        ingestion,
        "two bytes above one megabyte",
        Fails(400, "InvalidParameterException", "Log event too large: 1048578 bytes exceeds limit of 1048576"),
        put("bytes", -16 * day, message="é" * 524_276),
    )
    add(
        events,
        "get with a token that is none",
        Fails(400, "InvalidParameterException", "The specified nextToken is invalid."),
        lambda: logs.get_log_events(**stream_at, nextToken="invalid"),
    )
    add(
        events,
        "get 10,001 events",
        Fails(
            400,
            "InvalidParameterException",
            "1 validation error detected: Value '10001' at 'limit' "
            "failed to satisfy constraint: Member must have value less than or equal to 10000",
        ),
        lambda: logs.get_log_events(**stream_at, limit=10_001),
    )
    add(
        filtered,
        "filter 10,001 events",
        Fails(
            400,
            "InvalidParameterException",
            "1 validation error detected: Value '10001' at 'limit' "
            "failed to satisfy constraint: Member must have value less than or equal to 10000",
        ),
        lambda: logs.filter_log_events(**group_at, limit=10_001),
    )
    add(
        filtered,
        "filter with a token that is none",
        Fails(400, "InvalidParameterException", "The specified nextToken is invalid."),
        lambda: logs.filter_log_events(**group_at, nextToken="invalid"),
    )

    def retention():
        logs.put_retention_policy(**group_at, retentionInDays=1)
        return logs.describe_log_groups(logGroupNamePrefix="/rec/a")

    add(ingestion, "retention of a day", Gives(logGroups__0__retentionInDays=1), retention)
    add(
        ingestion,
        "old, expired, valid and future events in one request",
        Gives(
            rejectedLogEventsInfo={
                "tooNewLogEventStartIndex": 6,
                "tooOldLogEventEndIndex": 2,
                "expiredLogEventEndIndex": 4,
            }
        ),
        put("mixed", -16 * day, -15 * day, -48 * hour, -36 * hour, -2 * hour, -hour, 3 * hour, 4 * hour),
    )
    add(ingestion, "retention taken away", Gives(), lambda: logs.delete_retention_policy(**group_at))
    add(ingestion, "retention taken away again", Gives(), lambda: logs.delete_retention_policy(**group_at))
