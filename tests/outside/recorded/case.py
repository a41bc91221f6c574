"""What a case is: a request of ours, and the fact that AWS recorded for it."""

import io
import json
import re
import zipfile

import botocore.config
import botocore.exceptions
import cloud

LOCALSTACK = "localstack/localstack tests/aws/services/"
STACKD = "radkawar/stackd "
A = cloud.ACCOUNT
R = cloud.REGION
CASES = []


class Fails:
    """A refusal: status, code, and words in which `*` stands for anything."""

    def __init__(self, status, code, words=None):
        self.status, self.code, self.words = status, code, words

    def differs(self, status, code, words, _answer):
        same = (status, code) == (self.status, self.code)
        if same and (self.words is None or matches(self.words, words or "")):
            return None
        return f"{self.status} {self.code}: {self.words or '(any words)'}"


class Gives:
    """An answer: status, fields that are there, fields that are not, and values by path."""

    def __init__(self, status=200, has=(), lacks=(), **values):
        self.status, self.has, self.lacks, self.values = status, has, lacks, values

    def differs(self, status, code, _words, answer):
        wrong = []
        if status != self.status or code:
            wrong.append(f"{self.status}")
        else:
            wrong += [f"has {path}" for path in self.has if at(answer, path) is MISSING]
            wrong += [f"lacks {path}" for path in self.lacks if at(answer, path) is not MISSING]
            for path, value in self.values.items():
                if at(answer, path) != value:
                    wrong.append(f"{path} = {value!r}")
        return ", ".join(wrong) or None


MISSING = object()


def at(answer, path):
    for step in path.split("__"):
        if isinstance(answer, list) and step.isdigit() and int(step) < len(answer):
            answer = answer[int(step)]
        elif isinstance(answer, dict) and step in answer:
            answer = answer[step]
        else:
            return MISSING
    return answer


def matches(pattern, words):
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), words, re.DOTALL)


def case(service, source, situation, expected):
    def keep(call):
        CASES.append((service, source, situation, expected, call))
        return call

    return keep


def sent(call):
    """Status, code, words and the answer of one request."""
    try:
        answer = call()
        return answer["ResponseMetadata"]["HTTPStatusCode"], "", "", answer
    except botocore.exceptions.ClientError as error:
        answer = error.response
        said = answer["Error"]
        return answer["ResponseMetadata"]["HTTPStatusCode"], said.get("Code"), said.get("Message"), answer


PLAIN = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def client(service):
    return cloud.client(service, config=PLAIN)


def trust(**principal):
    statement = {"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def zipped(text="#!/bin/sh\n"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        archive.writestr(info, text)
    return out.getvalue()
