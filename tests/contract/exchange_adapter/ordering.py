"""Orders of BTCUSDT in one line, and an exchange that is really gone."""

import socket
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from adapters.exchange import Exchange
from agents.model import Side
from agents.orders import SEND_WITHIN, Placement
from sandbox.exchange.process import ExchangeProcess

SYMBOL = "BTCUSDT"
IN_TIME = SEND_WITHIN


def new_id() -> str:
    return f"ta-{uuid.uuid4().hex}"


def order(
    exchange: Exchange,
    quantity: str = "0.01",
    limit_price: str = "45100",
    *,
    client_order_id: str | None = None,
    symbol: str = SYMBOL,
    side: Side = Side.BUY,
    within: timedelta = IN_TIME,
) -> Placement:
    return exchange.place(
        client_order_id=client_order_id or new_id(),
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        limit_price=Decimal(limit_price),
        expires_at=datetime.now(UTC) + within,
    )


def crash(venue: ExchangeProcess) -> None:
    """Kill the exchange and wait until nobody listens on its port any more."""
    venue.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", venue.port), timeout=1).close()
        except ConnectionError:
            return
    raise TimeoutError("the killed exchange still listens")
