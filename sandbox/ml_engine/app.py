"""The HTTP edge of the demo ML engine; run it as `gunicorn "sandbox.ml_engine.app:create_app()"`."""

import os

from flask import Flask, Response, jsonify, request

from sandbox.ml_engine.candles import Candles, CandlesUnavailableError
from sandbox.ml_engine.model import Signal, momentum

ACCOUNT_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
"""What an account's signals are about: this engine knows nothing of accounts, so all get the same."""
_MAX_SYMBOLS = 100

Answer = Response | tuple[Response, int]


def create_app(base_url: str | None = None) -> Flask:
    """Build the engine.

    Args:
        base_url: The exchange whose candles it reads; by default the variable BINANCE_BASE_URL.
    """
    app = Flask("ml-engine")
    candles = Candles(base_url or os.environ["BINANCE_BASE_URL"])

    def signal_of(symbol: str) -> dict[str, object] | None:
        return as_json(momentum(symbol, candles.latest(symbol)))

    @app.get("/health")
    def health() -> Answer:
        return jsonify(status="up")

    @app.post("/api/v1/signals/batch")
    def batch() -> Answer:
        symbols = request.get_json(silent=True)
        if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
            return jsonify(detail="the body must be a JSON array of symbols"), 422
        if len(symbols) > _MAX_SYMBOLS:
            return jsonify(detail=f"at most {_MAX_SYMBOLS} symbols"), 422
        return jsonify(signals={symbol: signal_of(symbol) for symbol in symbols})

    @app.get("/api/v1/signals/latest/<symbol>")
    def latest(symbol: str) -> Answer:
        signal = signal_of(symbol)
        return jsonify(signal=signal) if signal else (jsonify(detail=f"no signal for {symbol}"), 404)

    @app.get("/api/v1/signals/account/<account_id>")
    def account(account_id: str) -> Answer:
        return jsonify(account_id=account_id, signals={symbol: signal_of(symbol) for symbol in ACCOUNT_SYMBOLS})

    @app.errorhandler(CandlesUnavailableError)
    def unavailable(error: CandlesUnavailableError) -> Answer:
        return jsonify(detail=str(error)), 503

    return app


def as_json(signal: Signal | None) -> dict[str, object] | None:
    """Return the signal as the platform's guide writes it, with an ISO 8601 time in UTC."""
    if signal is None:
        return None
    return {
        "symbol": signal.symbol,
        "action": signal.action,
        "confidence": round(signal.confidence, 4),
        "price": signal.price,
        "timestamp": signal.timestamp.isoformat().replace("+00:00", "Z"),
    }
