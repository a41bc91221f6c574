"""A program on a pseudo-terminal, typed into and read as a person would."""

import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

from conftest import ANSI, clean_environment


class Terminal:
    """The program, and what its screen has shown and nobody has looked at yet."""

    def __init__(self, *command):
        self.ours, theirs = pty.openpty()
        self.before = termios.tcgetattr(self.ours)
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=clean_environment(TERM="xterm"),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.screen = ""
        self.raw = ""

    def types(self, text: str) -> "Terminal":
        os.write(self.ours, text.encode())
        return self

    def shows(self, pattern: str, timeout: float = 20) -> "Terminal":
        """Reads on until the screen has shown this; what came before it is done with."""
        end = time.monotonic() + timeout
        while not (found := re.search(pattern, self.screen)):
            ready, _, _ = select.select([self.ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{pattern!r} did not come, but {self.screen!r}"
            read = os.read(self.ours, 65536).decode(errors="replace")
            self.raw += read
            self.screen = ANSI.sub("", self.screen + read)
        self.screen = self.screen[found.end() :]
        return self

    def ends(self) -> int:
        """The exit code; the terminal must be as it was."""
        code = self.process.wait(20)
        assert termios.tcgetattr(self.ours)[:4] == self.before[:4], (code, self.screen)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
