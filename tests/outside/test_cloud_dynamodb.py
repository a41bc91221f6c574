"""DynamoDB of the local cloud, by boto3 and the AWS CLI."""

import json
import uuid

import pytest

from cloud import ACCOUNT, REGION, aws, client, refused, turn

KEYS = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


@pytest.fixture
def db():
    return client("dynamodb")


@pytest.fixture
def table(db):
    name = f"table-{uuid.uuid4().hex[:12]}"
    db.create_table(TableName=name, **KEYS)
    db.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    yield name
    db.delete_table(TableName=name)
    db.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def test_table_life(db, table):
    read = db.describe_table(TableName=table)["Table"]
    assert read["TableStatus"] == "ACTIVE"
    assert read["TableArn"] == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    assert read["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert refused(db.create_table, TableName=table, **KEYS)[0] == "ResourceInUseException"
    assert refused(db.describe_table, TableName="none")[0] == "ResourceNotFoundException"
    names = [n for page in db.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 1}) for n in page["TableNames"]]
    assert table in names and len(names) == len(set(names))
    backups = db.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["ContinuousBackupsStatus"] == "ENABLED"
    assert db.describe_limits()["TableMaxReadCapacityUnits"] == 40000
    db.update_table(TableName=table, DeletionProtectionEnabled=True)
    assert refused(db.delete_table, TableName=table)[0] == "ValidationException"
    db.update_table(TableName=table, DeletionProtectionEnabled=False)


def test_tags(db, table):
    arn = db.describe_table(TableName=table)["Table"]["TableArn"]
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    locked = f"Subscriber limit exceeded: Table tags are being updated: {table}"
    assert refused(db.untag_resource, ResourceArn=arn, TagKeys=["a"]) == ("LimitExceededException", locked)
    turn(2)
    db.untag_resource(ResourceArn=arn, TagKeys=["a"])
    turn(2)
    pages = db.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    assert [tag for page in pages for tag in page["Tags"]] == [{"Key": "b", "Value": "2"}]


def test_expiry(db, table):
    spec = lambda enabled: {"Enabled": enabled, "AttributeName": "ttl"}
    db.update_time_to_live(TableName=table, TimeToLiveSpecification=spec(True))
    assert db.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["AttributeName"] == "ttl"
    assert refused(db.update_time_to_live, TableName=table, TimeToLiveSpecification=spec(True)) == (
        "ValidationException",
        "TimeToLive is already enabled",
    )
    assert refused(db.update_time_to_live, TableName=table, TimeToLiveSpecification=spec(False))[1] == (
        "Time to live has been modified multiple times within a fixed interval"
    )
    turn(3601)
    db.update_time_to_live(TableName=table, TimeToLiveSpecification=spec(False))


def test_items(db, table):
    db.put_item(TableName=table, Item={**key("a", "1"), "n": {"N": "1"}, "ok": {"BOOL": True}})
    assert db.get_item(TableName=table, Key=key("a", "1"))["Item"]["ok"] == {"BOOL": True}
    updated = db.update_item(
        TableName=table,
        Key=key("a", "1"),
        UpdateExpression="SET n = n + :one, #l = list_append(if_not_exists(#l, :empty), :x)",
        ExpressionAttributeNames={"#l": "list"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":empty": {"L": []}, ":x": {"L": [{"S": "x"}]}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert updated["n"] == {"N": "2"} and updated["list"] == {"L": [{"S": "x"}]}
    taken = {"TableName": table, "Item": key("a", "1"), "ConditionExpression": "attribute_not_exists(pk)"}
    assert refused(db.put_item, **taken) == ("ConditionalCheckFailedException", "The conditional request failed")
    assert db.delete_item(TableName=table, Key=key("a", "1"), ReturnValues="ALL_OLD")["Attributes"]["n"] == {"N": "2"}
    assert "Item" not in db.get_item(TableName=table, Key=key("a", "1"))
    assert refused(db.put_item, TableName=table, Item={"pk": {"S": "a"}})[0] == "ValidationException"
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    assert "Item" not in db.get_item(TableName=arn, Key=key("a", "1"))


def test_query_and_scan_pages(db, table):
    for i in range(12):
        db.put_item(TableName=table, Item={**key("p", f"{i:02}"), "body": {"S": "x" * 150_000}})
    query = {
        "TableName": table,
        "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)",
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":s": {"S": "0"}},
    }
    pages = list(db.get_paginator("query").paginate(**query))
    assert [item["sk"]["S"] for page in pages for item in page["Items"]] == [f"0{i}" for i in range(10)]
    assert len(pages) == 2, "a page holds a megabyte"
    backwards = db.query(**query, ScanIndexForward=False, Limit=1)
    assert backwards["Items"][0]["sk"] == {"S": "09"}
    pages = list(db.get_paginator("scan").paginate(TableName=table, PaginationConfig={"PageSize": 5}))
    assert sum(page["Count"] for page in pages) == 12
    nothing = db.scan(
        TableName=table,
        FilterExpression="attribute_exists(nowhere)",
        Limit=3,
    )
    assert (nothing["Count"], nothing["ScannedCount"]) == (0, 3) and nothing["LastEvaluatedKey"]


def test_batches(db, table):
    puts = [{"PutRequest": {"Item": key("b", str(i))}} for i in range(25)]
    assert db.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    got = db.batch_get_item(RequestItems={table: {"Keys": [key("b", str(i)) for i in range(25)]}})
    assert len(got["Responses"][table]) == 25
    assert refused(db.batch_write_item, RequestItems={table: puts + puts[:1]})[0] == "ValidationException"


def test_transactions(db, table):
    put = lambda pk: {
        "Put": {"TableName": table, "Item": key(pk, "N"), "ConditionExpression": "attribute_not_exists(pk)"}
    }
    db.transact_write_items(TransactItems=[put("taken")], ClientRequestToken="t1")
    db.transact_write_items(TransactItems=[put("taken")], ClientRequestToken="t1")
    assert refused(db.transact_write_items, TransactItems=[put("other")], ClientRequestToken="t1")[0] == (
        "IdempotentParameterMismatchException"
    )
    with pytest.raises(db.exceptions.TransactionCanceledException) as caught:
        db.transact_write_items(TransactItems=[put("free"), put("taken")])
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert "Item" not in db.get_item(TableName=table, Key=key("free", "N"))
    both = [{"Get": {"TableName": table, "Key": key(pk, "N")}} for pk in ("taken", "free")]
    got = db.transact_get_items(TransactItems=both)["Responses"]
    assert ["Item" in one for one in got] == [True, False]


def test_partiql_is_not_here(db, table):
    code, words = refused(db.execute_statement, Statement=f'SELECT * FROM "{table}"')
    assert (code, words) == ("NotImplemented", "dynamodb ExecuteStatement is not part of the local cloud")


def test_a_role_session_needs_its_rights(db, table):
    iam, sts = client("iam"), client("sts")
    name = f"session-{uuid.uuid4().hex[:8]}"
    trust = {"Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
    rights = {"Statement": {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": arn}}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(rights))
    turn(60)
    keys = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", RoleSessionName="me")["Credentials"]
    mine = client(
        "dynamodb",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    mine.put_item(TableName=table, Item=key("a", "1"))
    code, words = refused(mine.get_item, TableName=table, Key=key("a", "1"))
    assert code == "AccessDeniedException"
    assert words == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/me is not authorized to perform: dynamodb:GetItem "
        f"on resource: {arn} because no identity-based policy allows the dynamodb:GetItem action"
    )


def test_the_cli_makes_and_removes_a_table():
    name = f"cli-{uuid.uuid4().hex[:12]}"
    aws(
        "dynamodb", "create-table", "--table-name", name, "--billing-mode", "PAY_PER_REQUEST",
        "--attribute-definitions", "AttributeName=pk,AttributeType=S",
        "--key-schema", "AttributeName=pk,KeyType=HASH",
    )
    turn(60)
    aws("dynamodb", "wait", "table-exists", "--table-name", name)
    aws("dynamodb", "put-item", "--table-name", name, "--item", json.dumps({"pk": {"S": "a"}}))
    assert aws("dynamodb", "scan", "--table-name", name)["Count"] == 1
    aws("dynamodb", "delete-table", "--table-name", name)
    turn(60)
    aws("dynamodb", "wait", "table-not-exists", "--table-name", name)


def test_an_operation_that_is_not_here_is_501(db):
    assert refused(db.list_backups)[0] == "NotImplemented"
