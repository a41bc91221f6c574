"""CloudWatch Logs: which messages a filter pattern finds, and which patterns are refused in which words."""

import json
import time

from case import STACKD, Fails, Gives, case, client

SOURCE = STACKD + "testdata/aws/logs/filters.json"
TERMS = ["WARN disk full", "WARN: disk", "disk ok", "UNWARNED", "warn disk", "WARN\ttwo  words", "OTHER"]
JSON = [
    json.dumps({"n": 7, "s": "Seven", "list": ["a", None], "deep": {"k": "a"}}),
    json.dumps({"n": 7.0, "s": "seven", "list": [], "deep": None}),
    json.dumps({"n": "7", "s": None, "ok": True, "a.b": "x"}),
    json.dumps({"n": "7.0", "ok": "true", "list": {"k": "a"}}),
    json.dumps([{"n": 7}]),
    "INFO no JSON",
]
FIELDS = ['10.1 ann [1 Jan] "GET /a.html" 404 12', '10.2 bob [2 Jan] "POST /b" 500 900 more', "ERROR only this", "ERROR"]
# The pattern, the messages, and which of them it finds.
FOUND = [
    ("WARN", TERMS, [0, 1, 3, 5]),
    ("WARN disk", TERMS, [0, 1]),
    ("?WARN ?disk", TERMS, [0, 1, 2, 3, 4, 5]),
    ("?WARN ?ok disk", TERMS, [0, 1, 2, 4]),
    ("?WARN ?ok -disk", TERMS, [3, 5, 6]),
    ('" "', TERMS, [0, 1, 2, 4, 5]),
    ('"two  words"', TERMS, [5]),
    ("%^WARN:?\\s%", TERMS, [0, 1, 5]),
    ("{ $.n = 7 }", JSON, [0, 1, 2]),
    ('{ $.n = "7" }', JSON, [0, 2]),
    ("{ $.n != 7 }", JSON, [3]),
    ("{ $.n >= 7 }", JSON, [0, 1]),
    ("{ $.n = * }", JSON, [0, 1, 2, 3]),
    ("{ $.s = Sev* }", JSON, [0]),
    ("{ $.s = %^[Ss]even$% }", JSON, [0, 1]),
    ("{ $.s IS NULL }", JSON, [2]),
    ("{ $.list IS NULL }", JSON, [0]),
    ("{ $.list[*] = a }", JSON, [0, 3]),
    ("{ $.list[0] = a }", JSON, [0]),
    ("{ $.* = x }", JSON, [2]),
    ("{ $.['a.b'] = x }", JSON, [2]),
    ("{ $.ok IS TRUE }", JSON, [2]),
    ("{ $.ok = true }", JSON, [3]),
    ("{ $.deep.k NOT EXISTS }", JSON, [1, 2, 3]),
    ("{ $.n = 7 && $.s = Seven || $.ok IS TRUE }", JSON, [0, 2]),
    ("{ $.n = 7 && ($.s = Seven || $.ok IS TRUE) }", JSON, [0, 2]),
    ("[ip, who, day, request, status, bytes]", FIELDS, [0, 1]),
    ("[ip, who, day, request, status >= 400, bytes > 10]", FIELDS, [0]),
    ("[..., request = *.html*, status = 4*, bytes]", FIELDS, [0]),
    ("[first, ..., last]", FIELDS, [0, 1, 2]),
    ("[first = ERROR, rest]", FIELDS, [2]),
    ("[first != ERROR && first != 10.1, rest]", FIELDS, [1]),
    ("[]", FIELDS, [0, 1, 2, 3]),
]
# The pattern, and the words of its refusal.
REFUSED = [
    ("WAR*", "Invalid character(s) in term '*'"),
    ('"WARN', "Invalid character(s) in term '\"WARN'"),
    ("%(a|b)%", "Invalid character(s) in term '%('"),
    ("%a!%", "Invalid character(s) in term '%a!'"),
    ("%[a%", "Failed to compile regular expression."),
    ("{ $.n == 7 }", "Invalid filter pattern"),
    ("{ $.n EXISTS }", "Invalid filter pattern"),
    ("{ $.n IS NOT NULL }", "Invalid filter pattern"),
    ('{ "n": [7] }', "Invalid character(s) in term ':'"),
    ('{ $.n > "a" }', "Invalid character(s) in term '\"a\"'"),
    ("{ $..n = 7 }", "Invalid character(s) in term '$..'"),
    ("{ $.list[-1] = a }", "Invalid character(s) in term '[-'"),
    (
        "{ $.list[*].* = a }",
        "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard allowed per json selector.",
    ),
    (
        "{ $.a.* = 1 || $.b.* = 1 || $.c[*] = 1 || $.* = 1 }",
        "Your input has exceeded the maximum of 3 JSON wildcard selectors allowed per filter pattern.",
    ),
    (
        "{ $.s = %a% || $.s = %b% || $.s = %c% }",
        "Your input has exceeded the maximum of 2 regular expressions per filter pattern.",
    ),
    ("[..., a, ...]", "Duplicate field '...'"),
    ("[a, a]", "Duplicate field 'a'"),
]


def filter_cases():
    logs, now, group = client("logs"), int(time.time() * 1000), {"logGroupName": "/rec/filters"}
    logs.create_log_group(**group)
    names = {}
    for name, messages in (("terms", TERMS), ("json", JSON), ("fields", FIELDS)):
        names[id(messages)] = name
        logs.create_log_stream(**group, logStreamName=name)
        events = [{"timestamp": now + index, "message": message} for index, message in enumerate(messages)]
        logs.put_log_events(**group, logStreamName=name, logEvents=events)

    def search(pattern, messages):
        return logs.filter_log_events(**group, logStreamNames=[names[id(messages)]], filterPattern=pattern)

    def indexes(pattern, messages):
        answer = search(pattern, messages)
        return answer | {"found": [messages.index(event["message"]) for event in answer["events"]]}

    for pattern, messages, found in FOUND:
        case("filters", SOURCE, pattern, Gives(found=found))(lambda p=pattern, m=messages: indexes(p, m))
    for pattern, words in REFUSED:
        expected = Fails(400, "InvalidParameterException", words)
        case("filters", SOURCE, pattern, expected)(lambda p=pattern: search(p, TERMS))
