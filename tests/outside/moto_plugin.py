"""A pytest plugin: moto's own tests in server mode, with the local cloud as the server.

Three things differ between the two and are bridged here: a reset is a new, empty cloud; the account
is 000000000000; there is one region. What a case comes to is written as one JSON line to the file
that CHATCTL_MOTO_REPORT names.
"""

import json
import os

import botocore.session
import pytest

import cloud

CLOUD = {}


def restart():
    """Begins with an empty cloud, in which changes propagate at once."""
    if CLOUD and not cloud.control("GET", "calls"):
        return
    if CLOUD:
        cloud.stop(CLOUD["process"])
    CLOUD["process"] = cloud.start(int(os.environ["CHATCTL_MOTO_PORT"]))
    cloud.control("PATCH", "weather", {"propagationMillis": 0})


def pytest_configure():
    import moto.core
    import moto.core.models
    import tests

    restart()
    moto.core.DEFAULT_ACCOUNT_ID = cloud.ACCOUNT
    moto.core.models.DEFAULT_ACCOUNT_ID = cloud.ACCOUNT
    tests.DEFAULT_ACCOUNT_ID = cloud.ACCOUNT
    moto.core.models.ServerModeMockAWS.reset = lambda _self: restart()
    create = botocore.session.Session.create_client

    def in_our_region(self, service_name, region_name=None, *more, **settings):
        return create(self, service_name, cloud.REGION, *more, **settings)

    botocore.session.Session.create_client = in_our_region


def pytest_unconfigure():
    if CLOUD:
        cloud.stop(CLOUD.pop("process"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and report.passed:
        return
    words = "" if call.excinfo is None else str(call.excinfo.value)
    kind = report.outcome
    if report.failed and ("NotImplemented" in words or "is not part of the local cloud" in words):
        kind = "outside"
    line = {"case": item.nodeid, "outcome": kind, "words": words[:300]}
    with open(os.environ["CHATCTL_MOTO_REPORT"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
