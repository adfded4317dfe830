"""More connections than there should be."""

from __future__ import annotations

import socket

from tests.waiting import eventually


def test_too_many_connections_leave_health_checks_alone(served):
    served.start("--connections", "64")
    token = served.token()
    open_ = [socket.create_connection(served.place, timeout=60) for _ in range(80)]
    try:
        eventually(lambda: served.ask("/health/live").status == 200)
        eventually(lambda: served.ask("/acme/tuf/metadata/timestamp.json", token).status == 503)
    finally:
        for connection in open_:
            connection.close()
    eventually(lambda: served.ask("/acme/tuf/metadata/timestamp.json", token).status == 200)
