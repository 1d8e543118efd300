"""The least a control API could be: Flask and one answer, served like the service."""

import os

from flask import Flask, Response, jsonify, request
from sqlalchemy import create_engine, text

INSERT = text("INSERT INTO floor_accounts (id, equity) VALUES (:account_id, :initial_equity)")


def create_app() -> Flask:
    """A route that answers with JSON of the size of a status, and one that inserts one row and commits."""
    app = Flask("floor")
    engine = create_engine(os.environ["DATABASE_URL"], pool_size=20)

    @app.get("/bare")
    def bare() -> Response:
        return jsonify(
            agent="bench",
            status="running",
            agent_status="running",
            accounts=100_000,
            accounts_running=100_000,
            equity=9_999_950.0,
            cash=9_999_950.0,
            reserved=0,
            balance=9_999_950.0,
            exposure=0,
            open_positions=0,
            version=1,
            symbols=["BTCUSDT"],
            trading_state="ACTIVE",
            breakers=[],
        )

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="up")

    @app.post("/insert")
    def insert() -> Response:
        values = request.get_json()
        with engine.begin() as connection:
            connection.execute(INSERT, values)
        return jsonify(status="inserted", account_id=values["account_id"])

    return app
