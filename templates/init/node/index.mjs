// A room: who is connected hears what anybody says. The table holds the connections, because AWS runs many copies of
// this function and any of them may be gone at the next message.
import { ApiGatewayManagementApiClient, PostToConnectionCommand } from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteCommand, DynamoDBDocumentClient, PutCommand, paginateScan } from "@aws-sdk/lib-dynamodb";

const { TABLE, CONNECTIONS } = process.env;
const HELP = JSON.stringify({ help: 'send {"action":"say","text":"…"}' });
const LIFETIME = 2 * 60 * 60; // API Gateway ends a connection after two hours.
const HANDSHAKE = 30; // A handshake takes no longer: API Gateway waits 29 seconds for the function.

const table = DynamoDBDocumentClient.from(new DynamoDBClient());
const connections = new ApiGatewayManagementApiClient({ endpoint: CONNECTIONS });

export const handler = async ({ body, requestContext: { routeKey, connectionId } }) => {
  switch (routeKey) {
    case "$connect":
      await remember(connectionId);
      return { statusCode: 200 };
    case "$disconnect":
      await forget(connectionId);
      return { statusCode: 200 };
    case "say":
      return say(JSON.parse(body)); // It is JSON: API Gateway has read the action from it.
    default:
      return { statusCode: 200, body: HELP };
  }
};

const seconds = () => Math.floor(Date.now() / 1000);

const remember = (connectionId) => {
  const joined = seconds();
  return table.send(new PutCommand({ TableName: TABLE, Item: { connectionId, joined, expires: joined + LIFETIME } }));
};

const forget = (connectionId) => table.send(new DeleteCommand({ TableName: TABLE, Key: { connectionId } }));

async function say({ text }) {
  if (typeof text !== "string") return { statusCode: 400 };
  const data = JSON.stringify({ text });
  for await (const { Items: members } of paginateScan({ client: table }, { TableName: TABLE })) {
    await Promise.all(members.map((member) => post(member, data)));
  }
  return { statusCode: 200 };
}

/** One member who cannot be reached keeps nobody else from hearing it. */
async function post({ connectionId, joined }, data) {
  try {
    await connections.send(new PostToConnectionCommand({ ConnectionId: connectionId, Data: data }));
  } catch (error) {
    if (error.name !== "GoneException") {
      console.error("cannot post to a connection:", error.name); // Without anybody's text.
    } else if (joined < seconds() - HANDSHAKE) {
      await forget(connectionId); // Before that it may be about to connect.
    }
  }
}
