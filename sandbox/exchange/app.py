"""The exchange as a WSGI application: ``gunicorn --workers 1 --worker-class gthread 'sandbox.exchange.app:create_app()'``.

One process only: the matching engine lives in it. Threads are welcome.
"""

import json
import logging
import select
import socket
from collections.abc import Callable, Mapping

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from sandbox.exchange.clock import Clock, system_clock
from sandbox.exchange.errors import ExchangeError, unknown_error
from sandbox.exchange.faults import GatewayFailureError, SilenceError
from sandbox.exchange.routes_market import MarketRoutes
from sandbox.exchange.routes_sandbox import sandbox_blueprint
from sandbox.exchange.routes_trade import TradeRoutes
from sandbox.exchange.service import Route, Service
from sandbox.exchange.settings import Settings, from_environment

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, clock: Clock = system_clock) -> Flask:
    """Build the application; without settings they come from the environment."""
    service = Service(settings or from_environment(), clock)
    app = Flask(__name__)
    app.extensions["sandbox_exchange"] = service
    for route in [*MarketRoutes(service).routes(), *TradeRoutes(service).routes()]:
        app.add_url_rule(
            route.path,
            f"{route.method} {route.path}",
            _view(service, route),
            methods=[route.method],
            provide_automatic_options=False,
        )
    app.register_blueprint(sandbox_blueprint(service))
    _add_error_replies(app)

    @app.after_request
    def add_weight(response: Response) -> Response:
        response.headers.update(service.limits.headers())
        return response

    return app


def _view(service: Service, route: Route) -> Callable[[], Response]:
    def view() -> Response:
        reply = service.answer(route, request)
        return _json(reply.payload, 200, reply.headers)

    return view


def _add_error_replies(app: Flask) -> None:
    """Turn every refusal and failure into what a client of Binance would see."""

    @app.errorhandler(ExchangeError)
    def refuse(error: ExchangeError) -> Response:
        return _json({"code": error.code, "msg": error.message}, error.status, error.headers)

    @app.errorhandler(GatewayFailureError)
    def fail(error: GatewayFailureError) -> Response:
        return Response("<html><body>Service Unavailable</body></html>", error.status, mimetype="text/html")

    @app.errorhandler(SilenceError)
    def stay_silent(error: SilenceError) -> Response:
        connection = request.environ.get("gunicorn.socket")
        if connection is not None:
            _hold(connection, error.seconds)
        return Response(status=504)

    @app.errorhandler(HTTPException)
    def pass_on(error: HTTPException) -> Response:
        return Response(error.name, error.code)

    @app.errorhandler(Exception)
    def confess(error: Exception) -> Response:
        _log.error("request failed", exc_info=error)
        return refuse(unknown_error())


def _hold(connection: socket.socket, seconds: float) -> None:
    """Keep the client waiting until it hangs up or the time is over, then close the connection without an answer."""
    poller = select.poll()
    poller.register(connection, select.POLLRDHUP)
    poller.poll(seconds * 1000)
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("the client was gone first")


def _json(payload: object, status: int, headers: Mapping[str, str]) -> Response:
    text = json.dumps(payload, separators=(",", ":"))
    return Response(text, status, dict(headers), mimetype="application/json")
