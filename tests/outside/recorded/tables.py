"""DynamoDB: tables, conditions, transactions and their tokens."""

import cloud
from case import LOCALSTACK, STACKD, A, Fails, Gives, R, case, client, sent


def table_cases():
    db = client("dynamodb")
    ls, tokens = (
        LOCALSTACK + "dynamodb/test_dynamodb.snapshot.json",
        STACKD + "testdata/aws/dynamodb/transaction_tokens.json",
    )
    schema = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    created = db.create_table(TableName="rec", BillingMode="PAY_PER_REQUEST", **schema)
    five = db.create_table(
        TableName="rec5", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}, **schema
    )
    for name in ("rec", "rec5"):
        cloud.until(lambda name=name: db.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE")

    def add(source, situation, expected, call):
        case("dynamodb", source, situation, expected)(call)

    def key(text, **more):
        return {"id": {"S": text}} | more

    add(
        tokens,
        "create on demand",
        Gives(
            TableDescription__TableStatus="CREATING",
            TableDescription__BillingModeSummary={"BillingMode": "PAY_PER_REQUEST"},
            TableDescription__ProvisionedThroughput={
                "NumberOfDecreasesToday": 0,
                "ReadCapacityUnits": 0,
                "WriteCapacityUnits": 0,
            },
            TableDescription__ItemCount=0,
            TableDescription__DeletionProtectionEnabled=False,
        ),
        lambda: created,
    )
    billing = STACKD + "testdata/aws/dynamodb/billing_mode_limits.json"
    add(
        tokens,
        "describe on demand",
        Gives(
            has=("Table__BillingModeSummary__LastUpdateToPayPerRequestDateTime",),
            Table__DeletionProtectionEnabled=False,
            Table__WarmThroughput={"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"},
        ),
        lambda: db.describe_table(TableName="rec"),
    )
    add(
        billing,
        "warm throughput of a table with capacity",
        Gives(Table__WarmThroughput={"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 5, "Status": "ACTIVE"}),
        lambda: db.describe_table(TableName="rec5"),
    )

    def deleted():
        db.create_table(TableName="rec-deleted", BillingMode="PAY_PER_REQUEST", **schema)
        db.get_waiter("table_exists").wait(TableName="rec-deleted", WaiterConfig={"Delay": 1})
        return db.delete_table(TableName="rec-deleted")

    add(
        tokens,
        "delete a table",
        Gives(
            has=("TableDescription__TableId", "TableDescription__TableArn", "TableDescription__BillingModeSummary"),
            lacks=(
                "TableDescription__KeySchema",
                "TableDescription__AttributeDefinitions",
                "TableDescription__CreationDateTime",
                "TableDescription__WarmThroughput",
            ),
            TableDescription__TableStatus="DELETING",
            TableDescription__DeletionProtectionEnabled=False,
        ),
        deleted,
    )
    add(
        ls,
        "create with capacity",
        Gives(has=("TableDescription__TableId",), lacks=("TableDescription__BillingModeSummary",)),
        lambda: five,
    )
    add(
        ls,
        "describe with capacity",
        Gives(
            lacks=("Table__BillingModeSummary",),
            Table__ProvisionedThroughput={"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        ),
        lambda: db.describe_table(TableName="rec5"),
    )
    add(
        ls,
        "create twice",
        Fails(400, "ResourceInUseException", "Table already exists: rec"),
        lambda: db.create_table(TableName="rec", BillingMode="PAY_PER_REQUEST", **schema),
    )
    add(
        ls,
        "on demand with capacity",
        Fails(
            400,
            "ValidationException",
            "One or more parameter values were invalid: Neither ReadCapacityUnits "
            "nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        lambda: db.create_table(
            TableName="rec2",
            BillingMode="PAY_PER_REQUEST",
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            **schema,
        ),
    )
    add(
        ls,
        "delete a missing table",
        Fails(400, "ResourceNotFoundException", "Requested resource not found: Table: none not found"),
        lambda: db.delete_table(TableName="none"),
    )
    add(
        ls,
        "put a new item, ALL_OLD",
        Gives(lacks=("Attributes",)),
        lambda: db.put_item(TableName="rec", Item=key("a", data={"S": "one"}), ReturnValues="ALL_OLD"),
    )
    add(
        ls,
        "put it again, ALL_OLD",
        Gives(Attributes=key("a", data={"S": "one"})),
        lambda: db.put_item(TableName="rec", Item=key("a", data={"S": "two"}), ReturnValues="ALL_OLD"),
    )
    add(
        ls,
        "a failed condition shows the item",
        Fails(400, "ConditionalCheckFailedException", "The conditional request failed"),
        lambda: db.put_item(
            TableName="rec",
            Item=key("a"),
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        ),
    )

    def item_of_failure():
        answer = sent(
            lambda: db.delete_item(
                TableName="rec",
                Key=key("a"),
                ConditionExpression="attribute_not_exists(id)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        )[3]
        return answer | {"ResponseMetadata": {"HTTPStatusCode": 200}}

    add(ls, "the item of the failure", Gives(Item=key("a", data={"S": "two"})), item_of_failure)
    add(
        ls,
        "a batch whose key does not fit",
        Fails(400, "ValidationException", "The provided key element does not match the schema"),
        lambda: db.batch_write_item(RequestItems={"rec": [{"DeleteRequest": {"Key": {"other": {"S": "x"}}}}]}),
    )
    add(
        ls,
        "a transaction on a missing table",
        Fails(400, "ResourceNotFoundException", "Requested resource not found"),
        lambda: db.transact_write_items(TransactItems=[{"Put": {"TableName": "none", "Item": key("x")}}]),
    )
    add(
        ls,
        "a cancelled transaction",
        Fails(
            400,
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for "
            "specific reasons [ConditionalCheckFailed, None]",
        ),
        lambda: db.transact_write_items(
            TransactItems=[
                {
                    "ConditionCheck": {
                        "TableName": "rec",
                        "Key": key("none"),
                        "ConditionExpression": "attribute_exists(id)",
                    }
                },
                {"Put": {"TableName": "rec", "Item": key("b")}},
            ]
        ),
    )
    by_arn = f"arn:aws:dynamodb:{R}:{A}:table/rec"
    add(
        ls,
        "a transaction by the table's ARN",
        Gives(),
        lambda: db.transact_write_items(TransactItems=[{"Put": {"TableName": by_arn, "Item": key("c")}}]),
    )
    add(
        ls,
        "and read so",
        Gives(Responses=[{"Item": key("c")}]),
        lambda: db.transact_get_items(TransactItems=[{"Get": {"TableName": by_arn, "Key": key("c")}}]),
    )
    def transact(token, data="1", **more):
        return lambda: db.transact_write_items(
            ClientRequestToken=token,
            TransactItems=[{"Put": {"TableName": "rec", "Item": key("t", n={"N": data})}}],
            **more,
        )

    add(tokens, "a transaction with a token", Gives(), transact("token-1"))
    add(tokens, "the same again", Gives(), transact("token-1"))
    add(
        tokens,
        "another with the same token",
        Fails(
            400,
            "IdempotentParameterMismatchException",
            "Specified idempotent token was used with different request parameters within the idempotency window",
        ),
        transact("token-1", "2"),
    )
    add(
        tokens,
        "the same with other capacity wanted",
        Fails(400, "IdempotentParameterMismatchException"),
        transact("token-1", ReturnConsumedCapacity="INDEXES"),
    )
    add(tokens, "the same with 1.0 for 1", Gives(), transact("token-1", "1.0"))

    def syntax():
        bad = [{"Update": {"TableName": "rec", "Key": key("t"), "UpdateExpression": "SET"}}]
        assert (
            sent(lambda: db.transact_write_items(ClientRequestToken="token-2", TransactItems=bad))[1]
            == "ValidationException"
        )
        return transact("token-2", "3")()

    add(tokens, "a token whose first request was no valid one", Gives(), syntax)
