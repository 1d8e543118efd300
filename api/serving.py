"""gunicorn's configuration (``--config python:api.serving``): what it refuses itself has the one shape of errors too.

A request line, a header or a body's framing that makes no sense never reaches the application. gunicorn has no setting for
how it says so, only :func:`gunicorn.util.write_error`, which is replaced here.
"""

import json
import socket
from http import HTTPStatus

from gunicorn import util  # type: ignore[import-untyped] # ships no types


def write_error(connection: socket.socket, status_int: int, reason: str, mesg: str) -> None:
    """Answer an unreadable request and close.

    Args:
        connection: to its sender.
        status_int: the HTTP status.
        reason: the status in words.
        mesg: what is wrong with the request; left out of answers about failures of ours.
    """
    status = HTTPStatus(status_int)
    message = status.description if status == HTTPStatus.INTERNAL_SERVER_ERROR else mesg or reason
    body = json.dumps({"code": status, "status": status.phrase, "message": message}).encode()
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(connection, head.encode() + body)


util.write_error = write_error
