"""Why a delivery or a DISCONNECT was lost in `soak.py`, from what the access log and the function's log say.

A message is a request of its sender's connection: its line in the access log has the status that the gateway answered,
and the function's line of the same request says how many were not reached, and why.
"""

import collections

NONE = "no reason"
CLOCKS = 1000  # milliseconds by which the sender may count a message later than the gateway


class Requests:
    """The requests that the logs tell of."""

    def __init__(self):
        self.said = collections.defaultdict(list)  # connection: [time, request id, status] of its messages
        self.outcomes = {}  # request id: fields of the function's line
        self.disconnects = set()  # connections whose $disconnect the function has ended

    def take(self, source, time, fields):
        """Keeps what is needed of one line."""
        if source == "access" and fields.get("routeKey") == "sendPublic":
            began = float(fields.get("requestTimeEpoch") or time)
            self.said[fields["connectionId"]].append((began, fields["requestId"], fields["status"]))
        elif source == "function" and fields.get("route") == "sendPublic":
            self.outcomes[fields["apiRequestId"]] = fields
        elif source == "function" and fields.get("route") == "$disconnect":
            self.disconnects.add(fields["connectionId"])

    def why_lost(self, messages):
        """Counts the reasons of deliveries that did not arrive; each of these messages lost one."""
        return collections.Counter(self.why(message) for message in messages)

    def why(self, message):
        later = [one for one in sorted(self.said[message.connection]) if one[0] >= message.epoch - CLOCKS]
        if not later:
            return "its request is not in the access log"
        _, request, status = later[0]
        if status != "200":
            return f"the gateway answered {status}: the function was killed or too slow"
        outcome = self.outcomes.get(request, {})
        if outcome.get("failed"):
            return f"the function says: {outcome.get('trouble', 'not everybody was reached')}"
        return NONE

    def why_silent(self, connections):
        """Counts the reasons why connections have no DISCONNECT in the access log."""
        ended = collections.Counter(connection in self.disconnects for connection in connections)
        return collections.Counter({NONE: ended[True], "the function did not end its $disconnect in time": ended[False]})
