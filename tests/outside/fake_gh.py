"""`gh api` for the comments of one pull request, which are kept in a file: FILE api [FLAGS] PATH."""

import argparse
import json
import sys
from pathlib import Path

import jq

store, flags = Path(sys.argv[1]), sys.argv[2:]
parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["api"])
parser.add_argument("path")
parser.add_argument("--paginate", action="store_true")
parser.add_argument("--silent", action="store_true")
parser.add_argument("--method", default="GET")
parser.add_argument("--jq")
parser.add_argument("--field")
asked = parser.parse_args(flags)

comments = json.loads(store.read_text())
if asked.method == "GET":
    for value in jq.all(asked.jq, comments):
        print(value)
    sys.exit()

name, _, value = asked.field.partition("=")
assert name == "body" and value.startswith("@"), asked.field
body = Path(value[1:]).read_text()
if asked.method == "POST":
    assert asked.path == "repos/owner/name/issues/7/comments", asked.path
    comments.append({"id": len(comments) + 1, "user": {"login": "github-actions[bot]"}, "body": body})
else:
    (one,) = [one for one in comments if asked.path == f"repos/owner/name/issues/comments/{one['id']}"]
    one["body"] = body
store.write_text(json.dumps(comments))
