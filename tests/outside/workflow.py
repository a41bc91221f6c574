"""A small GitHub Actions runner and a small GitLab runner: they read the YAML, set the environment as the real ones
do, and run the scripts with bash. Actions are replaced by name; one that is not known here fails the test.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|([A-Za-z_][\w.-]*)|(==|!=|&&|\|\||[!()]))")
PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
STEP = 600  # seconds; a step may build the function


class Expression:
    """GitHub's expressions, as far as the workflows use them: strings, contexts, ==, !=, &&, ||, ! and parentheses."""

    def __init__(self, text: str, contexts: dict):
        self.contexts = contexts
        self.tokens = []
        text = text.strip()
        while text:
            found = TOKEN.match(text)
            assert found, f"not an expression that this runner knows: {text}"
            self.tokens.append(found.groups())
            text = text[found.end():].strip()

    def value(self):
        value = self._or()
        assert not self.tokens, self.tokens
        return value

    def _sign(self, *signs: str) -> str | None:
        if self.tokens and self.tokens[0][2] in signs:
            return self.tokens.pop(0)[2]
        return None

    def _or(self):
        value = self._and()
        while self._sign("||"):
            other = self._and()
            value = value or other
        return value

    def _and(self):
        value = self._equal()
        while self._sign("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self):
        value = self._one()
        while sign := self._sign("==", "!="):
            equal = value == self._one()
            value = equal if sign == "==" else not equal
        return value

    def _one(self):
        if self._sign("!"):
            return not self._one()
        if self._sign("("):
            value = self._or()
            assert self._sign(")")
            return value
        text, path, _ = self.tokens.pop(0)
        if path is None:
            return text.replace("''", "'")
        value = self.contexts
        for part in path.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return value


def filled_in(text, contexts: dict):
    """The text with every `${{ … }}` in it worked out."""
    if not isinstance(text, str):
        return text

    def one(found: re.Match) -> str:
        value = Expression(found[1], contexts).value()
        return str(value).lower() if isinstance(value, bool) else str(value)

    return re.sub(r"\$\{\{(.*?)\}\}", one, text)


@dataclass
class Machine:
    """What every job of a pipeline finds: programs that stand in for others, and what they did."""

    folder: Path
    programs: Path
    log: Path
    comments: Path

    @classmethod
    def new(cls, folder: Path, chatctl: Path, port: int) -> "Machine":
        programs = folder / "programs"
        programs.mkdir(parents=True)
        machine = cls(folder, programs, folder / "log", folder / "comments.json")
        machine.comments.write_text("[]")
        machine.log.write_text("")
        home, cargo = Path.home(), shutil.which("cargo")
        # chatctl as it is installed, but for the cloud that it talks to and for what it keeps between tests.
        machine.program("chatctl.installed", f"""
            echo "$AWS_ROLE chatctl $*" >>'{machine.log}'
            export HOME='{home}'
            unset CARGO_HOME CHATCTL_CACHE_DIR
            exec '{chatctl}' "$@" --local --port {port}
        """)
        machine.program("cargo", f"""
            if [ "$1" != install ]; then exec '{cargo}' "$@"; fi
            echo "cargo $*" >>'{machine.log}'
            mkdir -p "${{CARGO_HOME:-$HOME/.cargo}}/bin"
            cp '{programs}/chatctl.installed' "${{CARGO_HOME:-$HOME/.cargo}}/bin/chatctl"
        """)
        machine.program("rustup", "exit 0")
        gh = Path(__file__).with_name("fake_gh.py")
        machine.program("gh", f"exec '{sys.executable}' '{gh}' '{machine.comments}' \"$@\"")
        return machine

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        lines = [line.strip() for line in script.strip().splitlines()]
        path.write_text("\n".join(["#!/bin/bash", *lines, ""]))
        path.chmod(0o755)

    def did(self, program: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if program in line]

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        path = f"{self.programs}:{home}/.cargo/bin:{os.environ['PATH']}"
        return {"HOME": str(home), "PATH": path, "CI": "true", "LANG": "C.UTF-8"} | more


@dataclass
class Done:
    """How a job ended."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    role: str = ""
    summary: str = ""


@dataclass
class GitHub:
    """One run of one workflow."""

    machine: Machine
    repository: Path
    event: str
    payload: dict
    variables: dict[str, str]
    environments: dict[str, dict[str, str]]
    artifacts: dict[str, Path] = field(default_factory=dict)
    caches: dict[str, Path] = field(default_factory=dict)

    def run(self, workflow: str, before: dict | None = None) -> dict[str, Done]:
        """Runs the jobs in order; `before` has something to do ahead of a job."""
        read = yaml.safe_load((self.repository / ".github/workflows" / workflow).read_text())
        assert read["permissions"] == {}, "each job says what it may"
        done: dict[str, Done] = {}
        for name, job in read["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            contexts = self.contexts(job, {name: vars(done[name]) for name in needs})
            fine = all(done[name].result == "success" for name in needs)
            if not fine or not Expression(job["if"], contexts).value():
                done[name] = Done("skipped")
                continue
            if before and name in before:
                before[name]()
            done[name] = Job(self, name, job, contexts).run()
        return done

    def contexts(self, job: dict, needs: dict) -> dict:
        return {
            "github": {
                "event_name": self.event,
                "event": self.payload,
                "repository": "owner/name",
                "ref": "refs/heads/main",
                "sha": "0" * 40,
                "token": "token",
            },
            "vars": self.variables | self.environments.get(job.get("environment", ""), {}),
            "runner": {"os": "Linux", "arch": "X64"},
            "needs": needs,
            "steps": {},
        }


class Job:
    """One job on a fresh machine."""

    def __init__(self, run: GitHub, name: str, job: dict, contexts: dict):
        self.of, self.job, self.contexts = run, job, contexts
        self.folder = run.machine.folder / f"{name}-{len(list(run.machine.folder.iterdir()))}"
        self.workspace, self.home = self.folder / "workspace", self.folder / "home"
        self.temp = self.folder / "temp"
        for folder in (self.workspace, self.home, self.temp):
            folder.mkdir(parents=True)
        contexts["runner"]["temp"] = str(self.temp)
        self.done = Done("success")
        self.after: list = []

    def run(self) -> Done:
        assert self.job["timeout-minutes"] <= 30
        for number, step in enumerate(self.job["steps"]):
            if not self.step(step, self.contexts, f"{number}"):
                self.done.result = "failure"
                break
        for save in self.after:
            save()
        outputs = self.job.get("outputs", {})
        self.done.outputs = {name: filled_in(text, self.contexts) for name, text in outputs.items()}
        return self.done

    def step(self, step: dict, contexts: dict, number: str) -> bool:
        if "if" in step and not Expression(step["if"], contexts).value():
            return True
        if "run" in step:
            return self.script(step, contexts, number)
        given = {key: filled_in(value, contexts) for key, value in step.get("with", {}).items()}
        if step["uses"].startswith("$/"):
            return self.composite(step["uses"].removeprefix("$/"), given, number)
        assert PINNED.fullmatch(step["uses"]), f"{step['uses']} is not pinned by its commit"
        actions = {
            "actions/checkout": self.checkout,
            "actions/cache": self.cache,
            "actions/upload-artifact": self.upload,
            "actions/download-artifact": self.download,
            "aws-actions/configure-aws-credentials": self.credentials,
        }
        action = actions[step["uses"].split("@")[0]]
        contexts["steps"][step.get("id", "")] = {"outputs": action(given) or {}}
        return True

    def composite(self, path: str, given: dict, number: str) -> bool:
        action = yaml.safe_load((self.of.repository / path / "action.yml").read_text())
        contexts = self.contexts | {"inputs": given, "steps": {}}
        steps = enumerate(action["runs"]["steps"])
        return all(self.step(step, contexts, f"{number}-{inner}") for inner, step in steps)

    def script(self, step: dict, contexts: dict, number: str) -> bool:
        files = {name: self.temp / f"_{name}-{number}" for name in ("output", "summary", "env")}
        for file in files.values():
            file.write_text("")
        added = {name: filled_in(text, contexts) for name, text in step.get("env", {}).items()}
        environment = self.of.machine.environment(
            self.home,
            GITHUB_ACTIONS="true",
            GITHUB_REPOSITORY="owner/name",
            GITHUB_WORKSPACE=str(self.workspace),
            GITHUB_OUTPUT=str(files["output"]),
            GITHUB_STEP_SUMMARY=str(files["summary"]),
            GITHUB_ENV=str(files["env"]),
            RUNNER_TEMP=str(self.temp),
            AWS_ROLE=self.done.role,
            **added,
        )
        flags = ["--noprofile", "--norc", "-eo", "pipefail"] if step.get("shell") == "bash" else ["-e"]
        ended = subprocess.run(
            ["bash", *flags, "-c", filled_in(step["run"], contexts)],
            cwd=self.workspace / step.get("working-directory", "."),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP,
        )
        self.done.log += ended.stdout
        self.done.summary += files["summary"].read_text()
        contexts["steps"][step.get("id", "")] = {"outputs": outputs(files["output"].read_text())}
        return ended.returncode == 0

    def checkout(self, given: dict) -> None:
        assert given["persist-credentials"] is False
        shutil.copytree(self.of.repository, self.workspace, dirs_exist_ok=True)

    def cache(self, given: dict) -> dict:
        place = Path(given["path"].replace("~", str(self.home)))
        kept = self.of.machine.folder / "caches" / re.sub(r"\W", "-", given["key"])
        if kept.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if kept.is_dir() else shutil.copy)(kept, place)
            return {"cache-hit": "true"}

        def save() -> None:
            if place.exists():
                kept.parent.mkdir(exist_ok=True)
                (shutil.copytree if place.is_dir() else shutil.copy)(place, kept)

        self.after.append(save)
        return {"cache-hit": ""}

    def upload(self, given: dict) -> None:
        folder = self.of.machine.folder / f"artifact-{self.folder.name}"
        folder.mkdir()
        for path in given["path"].split():
            shutil.copy(path, folder)
        self.of.artifacts[given["name"]] = folder

    def download(self, given: dict) -> None:
        shutil.copytree(self.of.artifacts[given["name"]], given["path"], dirs_exist_ok=True)

    def credentials(self, given: dict) -> None:
        assert self.job["permissions"]["id-token"] == "write"
        assert given["role-to-assume"] and given["aws-region"]
        self.done.role = given["role-to-assume"]


def outputs(text: str) -> dict[str, str]:
    """The outputs of a step: `name=value`, or `name<<END` with lines up to END."""
    values, lines = {}, iter(text.splitlines())
    for line in lines:
        if "<<" not in line:
            name, _, value = line.partition("=")
            values[name] = value
            continue
        name, end = line.split("<<", 1)
        value = []
        for line in lines:
            if line == end:
                break
            value.append(line)
        values[name] = "\n".join(value)
    return values


@dataclass
class GitLab:
    """The jobs of one pipeline."""

    machine: Machine
    repository: Path
    variables: dict[str, str]
    environments: dict[str, dict[str, str]]
    artifacts: dict[str, Path] = field(default_factory=dict)

    def jobs(self) -> dict[str, dict]:
        """What the pipeline has, by the rules: name and job, with what it extends."""
        main = yaml.safe_load((self.repository / ".gitlab-ci.yml").read_text())
        (included,) = [one["local"] for one in main["include"]]
        read = yaml.safe_load((self.repository / included.lstrip("/")).read_text())
        jobs = {name: read[job["extends"]] | job for name, job in read.items() if "extends" in job}
        return {name: job for name, job in jobs.items() if self.rule(job)}

    def rule(self, job: dict) -> dict | None:
        return next((rule for rule in job["rules"] if self.holds(rule["if"])), None)

    def holds(self, condition: str) -> bool:
        def part(text: str) -> bool:
            left, right = (self.value(side.strip()) for side in text.split("=="))
            return left == right

        return all(part(text) for text in condition.split("&&"))

    def value(self, text: str) -> str | None:
        return self.variables.get(text[1:]) if text.startswith("$") else text.strip('"')

    def run(self, name: str) -> Done:
        job = self.jobs()[name]
        folder = self.machine.folder / f"{name.replace(' ', '-')}-{len(list(self.machine.folder.iterdir()))}"
        project = folder / "project"
        shutil.copytree(self.repository, project)
        for need in job.get("needs", []):
            shutil.copytree(self.artifacts[need], project, dirs_exist_ok=True)
        given = self.variables | {"CI_PROJECT_DIR": str(project), "GITLAB_CI": "true"}
        scope = re.sub(r"/.*", "/*", job["environment"]["name"])
        given |= self.environments[scope]
        given |= {key: f"token for {token['aud']}" for key, token in job["id_tokens"].items()}
        given |= {key: expanded(text, given) for key, text in job["variables"].items()}
        ended = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join([*job["before_script"], *job["script"], CHECK])],
            cwd=project,
            env=self.machine.environment(folder, AWS_ROLE=given["AWS_ROLE_ARN"], **given),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP,
        )
        if ended.returncode == 0 and "artifacts" in job:
            self.artifacts[name] = folder / "artifacts"
            self.artifacts[name].mkdir()
            for path in job["artifacts"]["paths"]:
                shutil.copy(project / path, self.artifacts[name])
        return Done("success" if ended.returncode == 0 else "failure", log=ended.stdout, role=given["AWS_ROLE_ARN"])


# The SDK reads the token from this file.
CHECK = 'test "$(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")" = "token for sts.amazonaws.com"'


def expanded(text: str, given: dict[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda found: given.get(found[1], ""), text)


def comments(machine: Machine) -> list[dict]:
    return json.loads(machine.comments.read_text())
