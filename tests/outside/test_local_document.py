"""docs/LOCAL.md, taken at its word: its commands run in its order, in one shell, and show what it says.

Blocks marked `sh` are the commands; a `text` block after one holds lines that must be in what it shows, in
that order. Only the port differs, and the first block, which does not return, runs beside the others.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, Running, clean_environment, free_port, wait_until_answering

PORT = "4510"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "== block"


def blocks():
    """Commands, and the lines that they show."""
    found = BLOCK.findall((ROOT / "docs/LOCAL.md").read_text())
    pairs = []
    for (kind, text), (next_kind, next_text) in zip(found, [*found[1:], ("", "")]):
        if kind == "sh":
            pairs.append((text, next_text.splitlines() if next_kind == "text" else []))
    return pairs


@pytest.fixture
def tools(tmp_path):
    """A PATH on which the document's commands are: chatctl, aws, python3, wscat."""
    names = tmp_path / "bin"
    names.mkdir()
    chatctl = Path(os.environ.get("CHATCTL_BIN", ROOT / "target/debug/chatctl"))
    (names / "chatctl").symlink_to(chatctl)
    (names / "python3").symlink_to(sys.executable)
    before = [names, Path(sys.executable).parent, ROOT / "target/outside-npm/node_modules/.bin"]
    path = os.pathsep.join([*map(str, before), os.environ["PATH"]])
    for tool in ("aws", "wscat", "curl"):
        assert shutil.which(tool, path=path), f"{tool} is missing: tests/outside/README.md says how to get it"
    return path


def run(script, folder, environment):
    """Runs it with a stdin that says nothing and does not end, as somebody at a terminal who waits: wscat
    leaves when its stdin ends."""
    silence, hold = os.pipe()
    try:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            stdin=silence,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=folder,
            env=environment,
        )
    finally:
        os.close(hold)
        os.close(silence)


def test_every_command_of_the_document_does_what_it_says(tools, tmp_path):
    port = str(free_port())
    (start, _), *rest = [(text.replace(PORT, port), wanted) for text, wanted in blocks()]
    environment = clean_environment(PATH=tools, HOME=str(tmp_path), NO_PROXY="127.0.0.1")
    running = Running(subprocess.Popen(
        ["bash", "-c", f"exec {start.strip()} --port {port}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
    ))
    try:
        wait_until_answering(f"http://127.0.0.1:{port}/_chatctl/health", running)
        script = "".join(f"echo '{MARK} {number}'\n{text}" for number, (text, _) in enumerate(rest))
        done = run(script, tmp_path, environment)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        shown = re.split(rf"^{MARK} \d+\n", done.stdout, flags=re.MULTILINE)[1:]
        assert len(shown) == len(rest)
        for (text, wanted), said in zip(rest, shown):
            at = 0
            for line in wanted:
                found = said.find(line, at)
                assert found >= 0, f"{line!r} is not in what this shows:\n{text}\n{said}\n{done.stderr}"
                at = found + len(line)
    finally:
        assert running.interrupt() == 0


def test_the_document_has_commands_for_every_part():
    commands = "\n".join(text for text, _ in blocks())
    for part in ("create-function", "create-stage", "wscat", "/faults", "/weather", "/clock", "/connections"):
        assert part in commands, part
