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

_EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def register(app: Flask) -> None:
    """Send them with every answer of ``app``, errors included."""

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in _EVERYWHERE.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", _policy(response))
        # What may be kept says so itself: the files of the documentation.
        response.headers.setdefault("Cache-Control", "no-store")
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={A_YEAR}")
        return response


def _policy(response: Response) -> str:
    if response.mimetype == "image/svg+xml":
        return PICTURE
    if response.mimetype != "text/html":
        return NOTHING
    hashes = (b64encode(sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(response.get_data()))
    scripts = "".join(f" 'sha256-{one}'" for one in hashes)
    return f"{DOCUMENTATION_PAGE}; script-src 'self'{scripts}"
