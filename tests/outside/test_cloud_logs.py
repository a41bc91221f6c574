"""CloudWatch Logs of the local cloud, by boto3 and the AWS CLI."""

import json
import signal
import subprocess
import uuid

import botocore.config
import pytest

from cloud import ACCOUNT, REGION, aws, client, control, environment, refused, until


@pytest.fixture
def logs():
    return client("logs")


@pytest.fixture
def group(logs):
    name = f"/outside/{uuid.uuid4().hex[:12]}"
    logs.create_log_group(logGroupName=name)
    yield name
    logs.delete_log_group(logGroupName=name)


@pytest.fixture
def stream(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    return {"logGroupName": group, "logStreamName": "s"}


def now():
    return control("GET", "clock")["nowMillis"]


def write(logs, stream, messages, first=None):
    first = now() if first is None else first
    events = [{"timestamp": first + i, "message": text} for i, text in enumerate(messages)]
    return logs.put_log_events(**stream, logEvents=events)


def texts(answer):
    return [event["message"] for event in answer["events"]]


def test_groups(logs, group):
    read = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    assert (read["arn"], read["logGroupArn"]) == (f"{arn}:*", arn)
    assert (read["metricFilterCount"], read["storedBytes"], read["logGroupClass"]) == (0, 0, "STANDARD")
    assert refused(logs.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    assert refused(logs.delete_log_group, logGroupName="/none") == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
    assert refused(logs.create_log_group, logGroupName="aws/mine")[0] == "InvalidParameterException"
    found = logs.describe_log_groups(logGroupNamePattern=group[5:].upper())["logGroups"]
    assert [one["logGroupName"] for one in found] == [group]
    both = {"logGroupNamePattern": "a", "logGroupNamePrefix": "a"}
    assert refused(logs.describe_log_groups, **both)[0] == "InvalidParameterException"


def test_retention(logs, group):
    logs.put_retention_policy(logGroupName=group, retentionInDays=14)
    find = lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert find()["retentionInDays"] == 14
    assert refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)[0] == "InvalidParameterException"
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in find()


def test_tags_by_arn_and_by_name(logs, group):
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"c": "3"})
    logs.untag_resource(resourceArn=arn, tagKeys=["a"])
    logs.untag_log_group(logGroupName=group, tags=["b"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3"}
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"c": "3"}


def test_paginators(logs):
    prefix = f"/pages/{uuid.uuid4().hex[:8]}/"
    for i in range(7):
        logs.create_log_group(logGroupName=f"{prefix}{i}")
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=prefix, PaginationConfig={"PageSize": 3}
    )
    names = [[one["logGroupName"][-1] for one in page["logGroups"]] for page in pages]
    assert names == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    for i in range(5):
        logs.create_log_stream(logGroupName=f"{prefix}0", logStreamName=f"s{i}")
    pages = logs.get_paginator("describe_log_streams").paginate(
        logGroupName=f"{prefix}0", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["logStreams"]) for page in pages] == [2, 2, 1]
    assert refused(logs.describe_log_groups, limit=51)[0] == "InvalidParameterException"


def test_streams(logs, group, stream):
    assert refused(logs.create_log_stream, **stream) == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )
    write(logs, stream, ["one", "two"])
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)
    first = streams["logStreams"][0]
    assert first["logStreamName"] == "s"
    assert first["lastEventTimestamp"] - first["firstEventTimestamp"] == 1
    assert first["arn"].endswith(f"{group}:log-stream:s")
    prefix = {"orderBy": "LastEventTime", "logStreamNamePrefix": "s"}
    assert refused(logs.describe_log_streams, logGroupName=group, **prefix)[0] == "InvalidParameterException"
    logs.delete_log_stream(**stream)
    assert refused(logs.get_log_events, **stream) == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
    assert logs.filter_log_events(logGroupName=group)["events"] == []


def test_writing_has_limits(logs, stream):
    first = now()
    event = lambda shift, text="m": {"timestamp": first + shift, "message": text}
    put = lambda *events: logs.put_log_events(**stream, logEvents=list(events))
    assert refused(put, event(1), event(0))[1] == (
        "Log events in a single PutLogEvents request must be in chronological order."
    )
    day = 24 * 3600 * 1000
    assert "24 hours" in refused(put, event(-day - 1), event(0))[1]
    assert "too large" in refused(put, event(0, "x" * 1_048_577))[1]
    assert "too large" in refused(put, *[event(0, "x" * 300_000) for _ in range(4)])[1]
    info = put(event(0), event(3 * 3600 * 1000))["rejectedLogEventsInfo"]
    assert info == {"tooNewLogEventStartIndex": 1}
    info = put(event(-15 * day))["rejectedLogEventsInfo"]
    assert info == {"tooOldLogEventEndIndex": 1}


def test_reading_one_stream(logs, stream):
    first = now() - 1000
    write(logs, stream, [f"m{i}" for i in range(10)], first)
    newest = logs.get_log_events(**stream, limit=3)
    assert texts(newest) == ["m7", "m8", "m9"]
    back = logs.get_log_events(**stream, limit=3, nextToken=newest["nextBackwardToken"])
    assert texts(back) == ["m4", "m5", "m6"]
    end = logs.get_log_events(**stream, nextToken=newest["nextForwardToken"])
    assert (texts(end), end["nextForwardToken"]) == ([], newest["nextForwardToken"])
    window = {"startTime": first + 2, "endTime": first + 5, "startFromHead": True}
    assert texts(logs.get_log_events(**stream, **window)) == ["m2", "m3", "m4"]
    assert refused(logs.get_log_events, **stream, nextToken="nonsense") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


def test_filtering(logs, group, stream):
    first = now() - 1000
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    write(logs, stream, ["ERROR one", json.dumps({"level": "ERROR", "code": 503}), "fine"], first)
    write(logs, {**stream, "logStreamName": "t"}, ["ERROR two"], first + 1)
    search = lambda **more: texts(logs.filter_log_events(logGroupName=group, **more))
    assert len(search()) == 4
    assert search(filterPattern="ERROR -two")[0] == "ERROR one"
    assert search(filterPattern='{ $.level = "ERROR" && $.code >= 500 }') == [json.dumps({"level": "ERROR", "code": 503})]
    assert search(filterPattern="%^fine$%") == ["fine"]
    assert search(filterPattern="[level = ERROR, which = t*]") == ["ERROR two"]
    assert search(logStreamNames=["t"]) == ["ERROR two"]
    assert search(logStreamNamePrefix="t") == ["ERROR two"]
    assert search(startTime=first, endTime=first) == ["ERROR one"]
    both = {"logStreamNames": ["t"], "logStreamNamePrefix": "t"}
    assert refused(search, **both)[0] == "InvalidParameterException"
    assert refused(search, filterPattern="{ $.a = ")[1] == "Invalid filter pattern"
    assert refused(search, filterPattern="ERR*")[1] == "Invalid character(s) in term '*'"
    assert refused(search, filterPattern="[a, a]")[1] == "Duplicate field 'a'"
    assert refused(search, filterPattern="%a% b")[0] == "NotImplemented"
    code, words = refused(search, limit=10001)
    assert code == "InvalidParameterException"
    assert words == (
        "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: "
        "Member must have value less than or equal to 10000"
    )
    assert refused(search, nextToken="x")[1] == "The specified nextToken is invalid."


def test_the_paginator_goes_on_after_empty_pages(logs, group, stream):
    write(logs, stream, [f"m{i}" for i in range(25)])
    before = control("GET", "weather")["controlPlane"]
    control("PATCH", "weather", {"controlPlane": {**before, "emptyLogPages": 2}})
    try:
        pages = list(
            logs.get_paginator("filter_log_events").paginate(logGroupName=group, PaginationConfig={"PageSize": 10})
        )
    finally:
        control("PATCH", "weather", {"controlPlane": before})
    events = [event for page in pages for event in page["events"]]
    assert [len(page["events"]) for page in pages] == [0, 0, 10, 0, 0, 10, 0, 0, 5]
    assert len({event["eventId"] for event in events}) == 25
    assert all(len(event["eventId"]) == 56 for event in events)


def test_live_tail_starts_and_updates_every_second(group, stream):
    tailing = client("logs", config=botocore.config.Config(inject_host_prefix=False))
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    assert refused(tailing.start_live_tail, logGroupIdentifiers=[arn + ":*"])[0] == "InvalidParameterException"
    missing = [arn + "-none"]
    assert refused(tailing.start_live_tail, logGroupIdentifiers=missing)[0] == "ResourceNotFoundException"
    wrong = refused(tailing.start_live_tail, logGroupIdentifiers=[arn], logEventFilterPattern='""')
    assert wrong == ("InvalidParameterException", "Invalid filter pattern: Invalid character(s) in term '\"\"'")
    answer = tailing.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="yes")
    updates = iter(answer["responseStream"])
    assert next(updates)["sessionStart"]["logGroupIdentifiers"] == [arn]
    write(client("logs"), stream, ["yes 1", "no", "yes 2"])
    seen, empty = [], 0
    while len(seen) < 2 or not empty:
        update = next(updates)["sessionUpdate"]
        assert update["sessionMetadata"] == {"sampled": False}
        seen += [event["message"] for event in update["sessionResults"]]
        empty += not update["sessionResults"]
    assert seen == ["yes 1", "yes 2"]
    answer["responseStream"].close()


def test_live_tail_finds_the_cloud_by_the_variable_that_the_manual_names(group, stream, monkeypatch):
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    monkeypatch.setenv("AWS_DISABLE_HOST_PREFIX_INJECTION", "true")
    answer = client("logs", config=None).start_live_tail(logGroupIdentifiers=[arn])
    assert next(iter(answer["responseStream"]))["sessionStart"]["logGroupIdentifiers"] == [arn]
    answer["responseStream"].close()
    until(lambda: control("GET", "live-tails")["open"] == 0)
    words = ["aws", "logs", "start-live-tail", "--log-group-identifiers", arn]
    variables = environment() | {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, text=True) as tailing:
        until(lambda: control("GET", "live-tails")["open"] == 1)
        write(client("logs"), stream, ["for the CLI"])
        assert any("for the CLI" in line for line in tailing.stdout)
        tailing.send_signal(signal.SIGINT)


def test_the_cli_writes_and_tails(group):
    aws("logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", "cli")
    event = json.dumps([{"timestamp": now(), "message": "by the CLI"}])
    aws("logs", "put-log-events", "--log-group-name", group, "--log-stream-name", "cli", "--log-events", event)
    found = aws("logs", "filter-log-events", "--log-group-name", group)
    assert texts(found) == ["by the CLI"]
    groups = aws("logs", "describe-log-groups", "--log-group-name-prefix", group, "--page-size", "1")
    assert groups["logGroups"][0]["logGroupName"] == group


def test_an_operation_that_is_not_here_is_501(logs):
    assert refused(logs.describe_metric_filters)[0] == "NotImplemented"
