"""The files that `chatctl init --ci` writes: checked by actionlint and zizmor, and run step by step with the local cloud
in place of AWS.
"""

import json
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import yaml
from conftest import ROOT, clean_environment
from workflow import Done, GitHub, GitLab, Machine, comments

REVISION = "a" * 40
VARIABLES = {"AWS_REGION": "us-east-1", "CHATCTL_REPOSITORY": "https://example.com/chatctl", "CHATCTL_REVISION": REVISION}
ROLES = {"chat-plan": "read", "production": "write", "chat-preview": "preview"}
ENVIRONMENTS = {name: {"AWS_ROLE_ARN": f"arn:aws:iam::000000000000:role/{role}"} for name, role in ROLES.items()}
OURS, FORK = "owner/name", "stranger/name"


def tool(name: str) -> str:
    path = Path(sys.executable).parent / name
    assert path.is_file(), f"{name} is missing: pip install -r tests/outside/requirements.txt"
    return str(path)


def written(chatctl, folder: Path, system: str, name: str = "flow") -> Path:
    """A repository with a chat in a folder, and what `init --ci` writes for it."""
    chat = folder / "repository/services/chat"
    chat.mkdir(parents=True)
    (folder / "repository/.git").mkdir()
    (chat / "chatctl.toml").write_text(f'name = "{name}"\n')
    chatctl.run("init", "--ci", system, cwd=chat)
    return folder / "repository"


@pytest.fixture
def github(chatctl, local_cloud, tmp_path, request):
    name = request.node.name.removeprefix("test_").replace("_", "-")[:20].strip("-")
    repository = written(chatctl, tmp_path, "github", name)
    machine = Machine.new(tmp_path / "machine", chatctl.path, local_cloud.port)

    def run(workflow: str, event: str = "push", action: str = "", head: str = OURS, before=None) -> dict[str, Done]:
        pull = {"number": 7, "head": {"repo": {"full_name": head}}}
        payload = {"action": action, "pull_request": pull} if event == "pull_request" else {}
        return GitHub(machine, repository, event, payload, VARIABLES, ENVIRONMENTS).run(workflow, before)

    run.name, run.machine, run.repository = name, machine, repository
    return run


def status(chatctl, cloud, name: str, stage: str = "production") -> dict:
    flags = ["--name", name, "--stage", stage, "--local", "--port", str(cloud.port)]
    return json.loads(chatctl.run("status", "--output", "json", *flags).stdout)


def succeeded(done: Done) -> Done:
    assert done.result == "success", done.log
    return done


def test_a_pull_request_is_planned_and_the_plan_is_one_comment(github, chatctl, local_cloud):
    for action in ("opened", "synchronize"):
        done = github("deploy-chat.yml", "pull_request", action)
        succeeded(done["plan"])
        succeeded(done["comment"])
        assert done["deploy"].result == "skipped"
        assert done["plan"].role.endswith("role/read") and done["comment"].role == ""
    (comment,) = comments(github.machine)
    assert comment["body"].startswith("<!-- chatctl plan -->\n### ")
    assert " to create" in comment["body"] and "+ function" in comment["body"]
    assert not status(chatctl, local_cloud, github.name)["deployed"]
    # The second run took chatctl from the cache.
    installed = f"cargo install --locked --git https://example.com/chatctl --rev {REVISION} --no-default-features chatctl"
    assert github.machine.did("cargo") == [installed]


def test_the_main_branch_is_planned_approved_and_deployed(github, chatctl, local_cloud):
    done = github("deploy-chat.yml")
    assert done["comment"].result == "skipped"
    deploy = succeeded(done["deploy"])
    assert (done["plan"].role[-4:], deploy.role[-5:]) == ("read", "write")
    assert "::group::Changes" in deploy.log
    state = status(chatctl, local_cloud, github.name)
    assert state["deployed"] and state["url"] in deploy.summary
    planned, deployed = github.machine.did("chatctl p"), github.machine.did("chatctl d")
    assert len(planned) == len(deployed) == 1 and "deploy --plan" in deployed[0]

    again = github("deploy-chat.yml")
    assert again["plan"].outputs == {"changed": "false"}
    assert again["deploy"].result == "skipped", "nobody is asked to approve nothing"


def test_what_moved_since_the_plan_is_not_deployed(github, chatctl, local_cloud):
    logs = boto3.client(
        "logs",
        endpoint_url=local_cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    succeeded(github("deploy-chat.yml")["deploy"])
    configuration = github.repository / "services/chat/chatctl.toml"
    configuration.write_text(configuration.read_text() + "[function]\nmemory = 512\n")
    group = f"/aws/lambda/{github.name}-production"
    drift = {"deploy": lambda: logs.put_retention_policy(logGroupName=group, retentionInDays=1)}
    done = github("deploy-chat.yml", before=drift)
    assert done["deploy"].result == "failure"
    assert "what was planned is not what would be done now" in done["deploy"].log
    assert "::error title=chatctl::" in done["deploy"].log


@pytest.mark.parametrize("workflow", ["deploy-chat.yml", "preview-chat.yml"])
@pytest.mark.parametrize("action", ["opened", "closed"])
def test_a_fork_gets_no_credentials(github, workflow, action):
    done = github(workflow, "pull_request", action, head=FORK)
    assert {job.result for job in done.values()} == {"skipped"}


def test_a_preview_lives_as_long_as_its_pull_request(github, chatctl, local_cloud):
    for action in ("opened", "synchronize"):
        done = github("preview-chat.yml", "pull_request", action)
        assert succeeded(done["deploy"]).role.endswith("role/preview")
        assert done["teardown"].result == "skipped"
    state = status(chatctl, local_cloud, github.name, "pr-7")
    assert state["deployed"] and state["url"] in done["deploy"].summary
    assert not status(chatctl, local_cloud, github.name)["deployed"], "only the preview is there"
    done = github("preview-chat.yml", "pull_request", "closed")
    assert done["deploy"].result == "skipped"
    assert succeeded(done["teardown"]).role.endswith("role/preview")
    assert not status(chatctl, local_cloud, github.name, "pr-7")["deployed"]


def test_an_installation_that_was_not_set_up_says_so(github, monkeypatch):
    monkeypatch.setitem(VARIABLES, "CHATCTL_REVISION", "")
    done = github("deploy-chat.yml")
    assert done["plan"].result == "failure"
    assert "set the variables CHATCTL_REPOSITORY and CHATCTL_REVISION" in done["plan"].log


def test_gitlab_plans_previews_and_deploys(chatctl, local_cloud, tmp_path):
    repository = written(chatctl, tmp_path, "gitlab", "flow-gitlab")
    machine = Machine.new(tmp_path / "machine", chatctl.path, local_cloud.port)
    environments = ENVIRONMENTS | {"chat-preview/*": ENVIRONMENTS["chat-preview"]}
    common = VARIABLES | {"CI_PIPELINE_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_DEFAULT_BRANCH": "main"}

    def pipeline(**more: str) -> GitLab:
        return GitLab(machine, repository, common | more, environments)

    request = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7"}
    merge = pipeline(**request, CI_MERGE_REQUEST_SOURCE_PROJECT_ID="1")
    assert list(merge.jobs()) == ["chat plan", "chat preview", "chat preview stop"]
    assert merge.rule(merge.jobs()["chat preview stop"])["when"] == "manual"
    plan = succeeded(merge.run("chat plan"))
    assert plan.role.endswith("role/read") and " to create" in plan.log
    assert succeeded(merge.run("chat preview")).role.endswith("role/preview")
    assert status(chatctl, local_cloud, "flow-gitlab", "pr-7")["deployed"]
    succeeded(merge.run("chat preview stop"))
    assert not status(chatctl, local_cloud, "flow-gitlab", "pr-7")["deployed"]

    fork = pipeline(**request, CI_MERGE_REQUEST_SOURCE_PROJECT_ID="2")
    assert not fork.jobs()

    branch = pipeline(CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="main")
    assert list(branch.jobs()) == ["chat plan", "chat deploy"]
    assert branch.rule(branch.jobs()["chat deploy"])["when"] == "manual", "somebody approves the plan"
    succeeded(branch.run("chat plan"))
    assert succeeded(branch.run("chat deploy")).role.endswith("role/write")
    assert status(chatctl, local_cloud, "flow-gitlab")["deployed"]


@pytest.mark.parametrize("where", ["written", "ours"])
def test_actionlint_and_zizmor_find_nothing(chatctl, tmp_path, where):
    repository = ROOT if where == "ours" else written(chatctl, tmp_path, "github")
    workflows = [str(path) for path in (repository / ".github/workflows").iterdir()]
    path = f"{Path(sys.executable).parent}:{clean_environment()['PATH']}"
    for command in (
        [tool("actionlint"), "-shellcheck", tool("shellcheck"), *workflows],
        [tool("zizmor"), "--offline", "--no-progress", "--format=plain", str(repository / ".github")],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=repository, env=clean_environment(PATH=path), timeout=120
        )
        assert done.returncode == 0, f"{command[0]}\n{done.stdout}\n{done.stderr}"


def test_only_jobs_that_sign_in_may_and_every_job_ends(chatctl, tmp_path):
    repository = written(chatctl, tmp_path, "github")
    for path in (repository / ".github/workflows").iterdir():
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            signs_in = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
            assert (job["permissions"].get("id-token") == "write") == signs_in, name
            assert ("environment" in job) == signs_in, f"{name}: every role is one of an environment"
            assert job["timeout-minutes"] <= 30, name


def test_gitlabs_jobs_have_a_limit_and_no_key(chatctl, tmp_path):
    repository = written(chatctl, tmp_path, "gitlab")
    text = (repository / ".gitlab/chat.yml").read_text()
    read = yaml.safe_load(text)
    assert read[".chat"]["timeout"] == "30 minutes"
    assert "AWS_ACCESS_KEY" not in text and "AWS_SECRET" not in text
    assert "on_stop" in read["chat preview"]["environment"]
