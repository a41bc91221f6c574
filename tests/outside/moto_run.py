"""Runs the cases of moto's own suite that touch our services against the local cloud.

    pip install "moto[server]==5.2.5" pytest freezegun boto3
    python tests/outside/moto_run.py [test_iam/test_iam.py …]

moto's tests are fetched from its source distribution on PyPI into a temporary folder; nothing of
them is kept. MOTO.md says what the outcome should be, and why some cases do not apply.
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import cloud

VERSION = "5.2.5"
HERE = pathlib.Path(__file__).resolve().parent
GROUPS = [
    "test_iam/test_iam.py",
    "test_iam/test_iam_policies.py",
    "test_sts/test_sts.py",
    "test_apigatewayv2/test_apigatewayv2.py",
    "test_apigatewayv2/test_apigatewayv2_integrationresponses.py",
    "test_apigatewayv2/test_apigatewayv2_integrations.py",
    "test_apigatewayv2/test_apigatewayv2_routes.py",
    "test_apigatewayv2/test_apigatewayv2_stages.py",
    "test_apigatewayv2/test_apigatewayv2_tags.py",
    "test_logs/test_logs.py",
    "test_logs/test_logs_filter_log_events.py",
    "test_logs/test_logs_tags.py",
    "test_dynamodb/exceptions",
    "test_dynamodb/test_dynamodb.py",
    "test_dynamodb/test_dynamodb_batch_get_item.py",
    "test_dynamodb/test_dynamodb_batch_write.py",
    "test_dynamodb/test_dynamodb_condition_expressions.py",
    "test_dynamodb/test_dynamodb_consumedcapacity.py",
    "test_dynamodb/test_dynamodb_create_table.py",
    "test_dynamodb/test_dynamodb_query.py",
    "test_dynamodb/test_dynamodb_scan.py",
    "test_dynamodb/test_dynamodb_statements.py",
    "test_dynamodb/test_dynamodb_table_with_range_key.py",
    "test_dynamodb/test_dynamodb_table_without_range_key.py",
    "test_dynamodb/test_dynamodb_transact.py",
    "test_dynamodb/test_dynamodb_update_expressions.py",
    "test_dynamodb/test_dynamodb_update_table.py",
]


def fetch(folder):
    """moto's source distribution, unpacked."""
    ready = os.environ.get("CHATCTL_MOTO_SDIST")
    if not ready:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, f"moto=={VERSION}", "-d", folder], check=True)
        ready = next(pathlib.Path(folder).glob("moto-*.tar.gz"))
    with tarfile.open(ready) as archive:
        members = [m for m in archive.getmembers() if m.name.split("/")[1:2] == ["tests"]]
        archive.extractall(folder, members=members, filter="data")
    return next(pathlib.Path(folder).glob("moto-*/tests")).parent


def run(source, group, report):
    port = cloud.free_port()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CHATCTL_ENDPOINT"))}
    environment = clean | {
        "PYTHONPATH": f"{HERE}:{source}",
        "TEST_SERVER_MODE": "true",
        "TEST_SERVER_MODE_ENDPOINT": f"http://127.0.0.1:{port}",
        "CHATCTL_ENDPOINT": f"http://127.0.0.1:{port}",
        "CHATCTL_MOTO_PORT": str(port),
        "CHATCTL_MOTO_REPORT": str(report),
        "NO_PROXY": "127.0.0.1",
    }
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "moto_plugin", "-p", "no:cacheprovider"]
    subprocess.run(
        [*pytest, "--tb=no", "-o", "addopts=", f"tests/{group}"],
        cwd=source,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
        timeout=1800,
    )


def main():
    groups = sys.argv[1:] or GROUPS
    kept = os.environ.get("CHATCTL_MOTO_REPORT")
    with tempfile.TemporaryDirectory() as folder:
        source = fetch(folder)
        report = pathlib.Path(kept or f"{folder}/report.jsonl")
        report.touch()
        for group in groups:
            run(source, group, report)
        lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    counts = collections.defaultdict(collections.Counter)
    for line in lines:
        counts[line["case"].split("::")[0].removeprefix("tests/")][line["outcome"]] += 1
    for file, count in sorted(counts.items()):
        print(f"{file}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(count.items())))
    total = sum(counts.values(), collections.Counter())
    print("all: " + ", ".join(f"{n} {kind}" for kind, n in sorted(total.items())))


if __name__ == "__main__":
    main()
