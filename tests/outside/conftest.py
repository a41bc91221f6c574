"""What every check from outside needs: the program, clouds to talk to, a browser.

Nothing is built here and nothing is skipped: what is missing fails, with the command that installs it.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STARTING = 600  # seconds; the first start of a chat may compile its function
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without anything that would point a client at a real account, a proxy or a CI runner."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CHATCTL_", "GITHUB_"))}
    kept = {k: v for k, v in kept.items() if k.lower() not in ("http_proxy", "https_proxy", "all_proxy")}
    return kept | {"AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1"} | more


@dataclass
class Chatctl:
    """The program under test."""

    path: Path

    def run(self, *args: str, input: str = "", check: bool = True, timeout: float = 600, cwd=None, **more: str):
        done = subprocess.run(
            [self.path, *args],
            input=input,
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=cwd,
            env=clean_environment(**more),
        )
        if check and done.returncode != 0:
            pytest.fail(f"chatctl {' '.join(args)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, *args: str, **more: str) -> "Running":
        return Running(subprocess.Popen(
            [self.path, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=clean_environment(**more),
            start_new_session=True,
        ))


class Running:
    """A program that runs on; its output is kept and can be waited for."""

    def __init__(self, process: subprocess.Popen):
        self.process = process
        self.lines: list[str] = []
        self.grown = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            with self.grown:
                self.lines.append(ANSI.sub("", line.rstrip("\n")))
                self.grown.notify_all()
        with self.grown:
            self.grown.notify_all()

    def output(self) -> str:
        with self.grown:
            return "\n".join(self.lines)

    def wait_for(self, pattern: str, timeout: float = 60) -> re.Match:
        """The first match in what it has said so far, or will say."""
        end = time.monotonic() + timeout
        with self.grown:
            while True:
                if found := re.search(pattern, "\n".join(self.lines)):
                    return found
                left = end - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self.grown.wait(1)):
                    said = "\n".join(self.lines[-60:])
                    pytest.fail(f"{self.process.args[1:]} never said {pattern!r}; it said:\n{said}")
                self.grown.wait(min(left, 1))

    def interrupt(self, timeout: float = 30) -> int:
        """Ctrl-C, and its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(10)


@dataclass
class Cloud:
    """Something that speaks the AWS APIs."""

    endpoint: str
    running: Running
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.endpoint.rsplit(":", 1)[1])


@dataclass
class DeployedChat(Cloud):
    """A local cloud with the chat on it, and its page."""

    ws_url: str = ""
    page_url: str = ""


@pytest.fixture(scope="session")
def chatctl() -> Chatctl:
    path = Path(os.environ.get("CHATCTL_BIN", ROOT / "target/debug/chatctl")).resolve()
    assert path.is_file(), f"{path} is missing: run `cargo build`, or set CHATCTL_BIN"
    return Chatctl(path)


def _environment(endpoint: str) -> dict[str, str]:
    return clean_environment(
        AWS_ENDPOINT_URL=endpoint,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_REGION="us-east-1",
        AWS_PAGER="",
    )


@pytest.fixture(scope="session")
def local_cloud(chatctl):
    """An empty local cloud; `.environment` is what the AWS CLI and boto3 need to talk to it."""
    port = free_port()
    running = chatctl.start("local", "--no-deploy", "--port", str(port))
    endpoint = f"http://127.0.0.1:{port}"
    try:
        running.wait_for(re.escape(endpoint))
        yield Cloud(endpoint, running, _environment(endpoint))
    finally:
        running.stop()


@pytest.fixture(scope="session")
def deployed_chat(chatctl):
    """`chatctl local`: the chat on a local cloud, with its page."""
    port, page_port = free_port(), free_port()
    running = chatctl.start("local", "--port", str(port), "--page-port", str(page_port))
    endpoint = f"http://127.0.0.1:{port}"
    page = f"http://127.0.0.1:{page_port}/"
    try:
        running.wait_for(re.escape(page), STARTING)
        url = running.wait_for(rf"ws://127\.0\.0\.1:{port}/\S+", STARTING)[0]
        yield DeployedChat(endpoint, running, _environment(endpoint), ws_url=url, page_url=page)
    finally:
        running.stop()


@pytest.fixture(scope="session")
def ministack(tmp_path_factory):
    """The independent emulator, empty, on a free loopback port."""
    program = shutil.which("ministack", path=f"{Path(os.sys.executable).parent}:{os.environ['PATH']}")
    assert program, "ministack is missing: pip install -r tests/outside/requirements.txt"
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    running = Running(subprocess.Popen(
        [program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path_factory.mktemp("ministack"),
        env=clean_environment(
            BIND_HOST="127.0.0.1",
            GATEWAY_PORT=str(port),
            MINISTACK_HOST="127.0.0.1",
            IOT_MTLS_ENABLED="0",
            SFTP_ENABLED="0",
            LAMBDA_EXECUTOR="local",
        ),
        start_new_session=True,
    ))
    try:
        wait_until_answering(endpoint, running)
        yield Cloud(endpoint, running, _environment(endpoint))
    finally:
        running.stop()


def wait_until_answering(url: str, running: Running, timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert running.process.poll() is None, running.output()
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer within {timeout} s:\n{running.output()}")


@pytest.fixture(scope="session")
def browser():
    """Chromium, headless."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: apt-get install chromium, or set CHROMIUM"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield chromium
        chromium.close()
