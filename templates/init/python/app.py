"""A room: who is connected hears what anybody says. The table holds the connections, because AWS runs many copies of
this function and any of them may be gone at the next message.

Lambda's runtime has boto3. The local cloud runs the function with this machine's python3: `pip install boto3` there.
"""

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.exceptions import BotoCoreError, ClientError

TABLE = os.environ["TABLE"]
HELP = json.dumps({"help": 'send {"action":"say","text":"…"}'}, ensure_ascii=False)
LIFETIME = 2 * 60 * 60  # API Gateway ends a connection after two hours.
HANDSHAKE = 30  # A handshake takes no longer: API Gateway waits 29 seconds for the function.

dynamodb = boto3.client("dynamodb")
connections = boto3.client("apigatewaymanagementapi", endpoint_url=os.environ["CONNECTIONS"])


def handler(event, context):
    route, connection = (event["requestContext"][key] for key in ("routeKey", "connectionId"))
    if route == "$connect":
        remember(connection)
    elif route == "$disconnect":
        forget(connection)
    elif route == "say":
        return say(json.loads(event["body"]))  # It is JSON: API Gateway has read the action from it.
    else:
        return {"statusCode": 200, "body": HELP}
    return {"statusCode": 200}


def remember(connection):
    now = int(time.time())
    item = {"connectionId": {"S": connection}, "joined": {"N": str(now)}, "expires": {"N": str(now + LIFETIME)}}
    dynamodb.put_item(TableName=TABLE, Item=item)


def forget(connection):
    dynamodb.delete_item(TableName=TABLE, Key={"connectionId": {"S": connection}})


def say(message):
    text = message.get("text")
    if not isinstance(text, str):
        return {"statusCode": 400}
    data = json.dumps({"text": text}).encode()
    pages = dynamodb.get_paginator("scan").paginate(TableName=TABLE)
    members = [member for page in pages for member in page["Items"]]
    with ThreadPoolExecutor(max_workers=10) as pool:
        list(pool.map(lambda member: post(member, data), members))
    return {"statusCode": 200}


def post(member, data):
    """One member who cannot be reached keeps nobody else from hearing it."""
    connection, joined = member["connectionId"]["S"], int(member["joined"]["N"])
    try:
        connections.post_to_connection(ConnectionId=connection, Data=data)
    except connections.exceptions.GoneException:
        if joined < time.time() - HANDSHAKE:  # Before that it may be about to connect.
            forget(connection)
    except (BotoCoreError, ClientError) as error:
        logging.error("cannot post to a connection: %s", error)  # Without anybody's text.
