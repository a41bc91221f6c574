// An echo. $default has a route response (see chatctl.toml), so the body that is returned goes back to the client:
// no AWS API is called, and no right is needed.
export const handler = async ({ body, requestContext: { routeKey } }) => {
  switch (routeKey) {
    case "$connect": // Another status, such as 403, would refuse the client.
    case "$disconnect":
      return { statusCode: 200 };
    default:
      return { statusCode: 200, body };
  }
};
