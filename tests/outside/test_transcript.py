"""One script of three people, played on the local cloud and on an emulator that others wrote: what each of
them reads must be the same, frame by frame. Only ids and times may differ.
"""

import json
import time
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

PATIENCE = 30
QUIET = 2  # seconds without a frame that end a step while the script is first recorded
LOOSE = {"id", "ts"}

SCRIPT = [
    ("alice", {"action": "setName", "name": "Alice"}),
    ("bob", {"action": "setName", "name": "alice"}),
    ("bob", {"action": "setName", "name": "Bob"}),
    ("cara", {"action": "sendPublic", "message": "I have no name"}),
    ("cara", {"action": "setName", "name": "Cara: hi"}),
    ("cara", {"action": "setName", "name": "Cara"}),
    ("alice", {"action": "sendPublic", "message": "hi all"}),
    ("bob", {"action": "sendPrivate", "to": "Alice", "message": "psst"}),
    ("bob", {"action": "sendPrivate", "to": "Nobody", "message": "psst"}),
    ("cara", {"action": "$sendPublic", "message": "a near miss"}),
    ("cara", {"action": "dance"}),
    ("cara", "no JSON at all"),
    ("bob", {"action": "setName", "name": "Robert"}),
    ("alice", {"action": "sendPublic", "message": "x" * 5000}),
    ("cara", None),
    ("alice", {"action": "sendPublic", "message": "the end"}),
]


def normal(frame: str):
    """The frame without what may differ, in an order of its own."""
    value = json.loads(frame)
    kept = {key: part for key, part in value.items() if key not in LOOSE}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False)


def read(connection, count, quiet):
    """`count` frames, or without a count all until it is quiet."""
    frames, end = [], time.monotonic() + PATIENCE
    while count is None or len(frames) < count:
        try:
            frames.append(normal(connection.recv(timeout=quiet if count is None else end - time.monotonic())))
        except (TimeoutError, ConnectionClosed):
            break
    return sorted(frames)


def play(url, expected=None):
    """What everybody read after each step. With `expected`, as many frames are waited for as it has."""
    with ExitStack() as stack:
        def person():
            return stack.enter_context(connect(url, open_timeout=PATIENCE, proxy=None))

        return perform({name: person() for name in ("alice", "bob", "cara")}, expected)


def perform(people, expected):
    seen = []
    for number, (who, frame) in enumerate(SCRIPT):
        if frame is None:
            people.pop(who).close()
        else:
            people[who].send(frame if isinstance(frame, str) else json.dumps(frame))
        counts = {name: len(expected[number][name]) if expected else None for name in people}
        seen.append({name: read(people[name], counts[name], QUIET) for name in people})
    late = {name: read(connection, None, 1) for name, connection in people.items()}
    assert not any(late.values()), f"frames after the end: {late}"
    return seen


def played(chatctl, cloud, expected=None):
    """The script on a chat that is deployed there for it alone."""
    place = ("--name", "transcript", "--endpoint-url", cloud.endpoint)
    deployed = json.loads(chatctl.run("deploy", "--yes", "--output", "json", *place).stdout)
    try:
        return play(deployed["url"], expected)
    finally:
        chatctl.run("teardown", "--yes", *place)


@pytest.fixture(scope="module")
def recorded(chatctl, local_cloud):
    return played(chatctl, local_cloud)


def test_the_script_shows_what_it_should(recorded):
    """The comparison below would be worth little if nothing were heard."""
    said = [frame for step in recorded for frames in step.values() for frame in frames]
    for wanted in ("Alice has joined", "Alice: hi all", "Bob: psst", "Cara has left", "error", "members"):
        assert any(wanted in frame for frame in said), wanted
    private = [name for step in recorded for name, frames in step.items() if any("psst" in f for f in frames)]
    assert set(private) <= {"alice", "bob"}


def test_the_same_script_gives_the_same_transcript_on_ministack(chatctl, ministack, recorded):
    replayed = played(chatctl, ministack, recorded)
    for number, (here, there) in enumerate(zip(recorded, replayed)):
        assert here == there, f"step {number}: {SCRIPT[number]}"
