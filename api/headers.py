"""Headers that tell browsers to trust an answer with as little as possible. No header lets pages of other sites read one."""

import re
from base64 import b64encode
from hashlib import sha256

from flask import Flask, Response, request

NOTHING = "default-src 'none'; frame-ancestors 'none'"
PICTURE = f"{NOTHING}; style-src 'unsafe-inline'"
"""A picture styles its own lines."""
DOCUMENTATION_PAGE = f"{NOTHING}; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"
"""Swagger UI writes styles as it goes; scripts come from here, or are in the page as we sent it."""
A_YEAR = 365 * 24 * 3600

_POLICY = "Content-Security-Policy"
_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # What may be kept says so itself: the files of the documentation.
    "Cache-Control": "no-store",
}
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def register(app: Flask) -> None:
    """Send them with every answer of ``app``, errors included."""

    @app.after_request
    def add(response: Response) -> Response:
        wanted = {**_EVERYWHERE, _POLICY: _policy(response)}
        if request.is_secure:
            wanted["Strict-Transport-Security"] = f"max-age={A_YEAR}"
        # Once for all: looking each of them up among the others cost more than sending them.
        given = {name.lower() for name, _ in response.headers}
        response.headers.extend([(name, value) for name, value in wanted.items() if name.lower() not in given])
        return response


def _policy(response: Response) -> str:
    if response.content_type == "application/json":
        return NOTHING
    if response.mimetype == "image/svg+xml":
        return PICTURE
    if response.mimetype != "text/html":
        return NOTHING
    hashes = (b64encode(sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(response.get_data()))
    scripts = "".join(f" 'sha256-{one}'" for one in hashes)
    return f"{DOCUMENTATION_PAGE}; script-src 'self'{scripts}"
