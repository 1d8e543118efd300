"""flask-smorest's blueprint with types, a parser that never makes floats, and our path parameters."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import flask
import marshmallow as ma
from flask_smorest import Api  # type: ignore[import-untyped] # ships no types
from flask_smorest import Blueprint as UntypedBlueprint
from webargs import core
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.routing import BaseConverter

from api.errors import ApiError, malformed_json
from api.fields import ACCOUNT_ID, AGENT
from api.numbers import Json, parse_json
from api.scopes import declare, described
from journal.tokens import Scope

View = Callable[..., Any]


class JsonParser(FlaskParser):
    """Reads JSON bodies with exact numbers; a body of another type is refused, no body is an empty one."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 - the library's own attribute
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": ma.EXCLUDE,
    }

    def _raw_load_json(self, req: flask.Request) -> Json:
        body = req.get_data(cache=True)
        if not body:
            return core.missing
        if not is_json_request(req):
            raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as application/json")
        try:
            return parse_json(body)
        except ValueError as error:
            malformed_json(error)


class Blueprint(UntypedBlueprint):  # type: ignore[misc] # the library ships no types
    """A group of routes that describe themselves."""

    ARGUMENTS_PARSER = JsonParser()

    def arguments(self, schema: type[ma.Schema], **options: Any) -> Callable[[View], View]:  # noqa: ANN401 - the library's own
        """Have a view take what ``schema`` says; see flask-smorest's documentation.

        One schema serves all requests. From a class, one would be made for each of them, at the price of reading by it.
        """
        decorate: Callable[[View], View] = super().arguments(schema(), **options)
        return decorate

    def needs(self, scope: Scope | None) -> Callable[[View], View]:
        """Say which scope a view takes of its caller's token, None for no token; belongs right below ``route``."""
        return lambda view: declare(self.doc(security=described(scope))(view), scope)

    if TYPE_CHECKING:
        # Each of these decorates a view; see flask-smorest's documentation.
        route: Callable[..., Callable[[View], View]]
        response: Callable[..., Callable[[View], View]]
        alt_response: Callable[..., Callable[[View], View]]
        doc: Callable[..., Callable[[View], View]]


class AgentName(BaseConverter):
    """An agent's name in a path; what cannot be one is not found."""

    regex = AGENT.pattern


class AccountId(BaseConverter):
    """An account's id in a path; what cannot be one is not found."""

    regex = ACCOUNT_ID.pattern


def register_converters(app: flask.Flask, api: Api) -> None:
    """Make ``<agent:…>`` and ``<account:…>`` known to the routes and to their description."""
    for name, converter in (("agent", AgentName), ("account", AccountId)):
        app.url_map.converters[name] = converter
        api.register_converter(converter, lambda c: {"type": "string", "pattern": f"^{c.regex}$"})
