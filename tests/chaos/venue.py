"""What the exchange itself says it did, asked over its API with the account's own keys."""

import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import requests

from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET

MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """One order as the exchange has it; ``commission`` by asset."""

    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    executed_quantity: Decimal
    executed_cost: Decimal
    commission: Mapping[str, Decimal]


class Venue:
    """The exchange at an address."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    def orders(self, symbols: Iterable[str]) -> list[VenueOrder]:
        """Every order of these symbols since the exchange began."""
        return [order for symbol in symbols for order in self._orders_of(symbol)]

    def balances(self) -> dict[str, Decimal]:
        """Free plus locked, of assets that are not empty."""
        account = self._get("account", {"omitZeroBalances": "true"})
        return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in account["balances"]}

    def _orders_of(self, symbol: str) -> list[VenueOrder]:
        commissions: dict[int, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for trade in self._all("myTrades", symbol):
            commissions[trade["orderId"]][trade["commissionAsset"]] += Decimal(trade["commission"])
        return [
            VenueOrder(
                client_order_id=row["clientOrderId"],
                symbol=symbol,
                side=row["side"].lower(),
                quantity=Decimal(row["origQty"]),
                executed_quantity=Decimal(row["executedQty"]),
                executed_cost=Decimal(row["cummulativeQuoteQty"]),
                commission={asset: paid for asset, paid in commissions[row["orderId"]].items() if paid},
            )
            for row in self._all("allOrders", symbol)
        ]

    def _all(self, path: str, symbol: str) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = self._get(path, {"symbol": symbol, "limit": MOST_ROWS})
        assert len(rows) < MOST_ROWS, f"a run makes fewer than {MOST_ROWS} {path}"
        return rows

    def _get(self, path: str, parameters: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        query = urlencode({**parameters, "timestamp": int(time.time() * 1000)})
        signature = hmac.new(DEMO_API_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()
        answer = requests.get(
            f"{self._base_url}/api/v3/{path}?{query}&signature={signature}",
            headers={"X-MBX-APIKEY": DEMO_API_KEY},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()
