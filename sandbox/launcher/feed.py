"""Turns the API's lists of decisions, orders and trades into lines for someone who watches. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

Row = Mapping[str, Any]
ORDERED = "ordered"
_KEYS = {"decision": "id", "order": "client_order_id", "trade": "id"}


class Feed:
    """Remembers what was shown, so that each thing is shown once, when its outcome is known."""

    def __init__(self) -> None:
        self._shown: dict[str, set[str]] = {}

    def skip(self, decisions: Iterable[Row], orders: Iterable[Row], trades: Iterable[Row]) -> None:
        """Count everything given as shown already."""
        self.lines(list(decisions), list(orders), list(trades))

    def lines(self, decisions: Sequence[Row], orders: Sequence[Row], trades: Sequence[Row]) -> list[str]:
        """Return the lines for what is new.

        Args:
            decisions: As `GET /decisions` lists them, the newest first; likewise the others.
            orders: Block orders.
            trades: Closed positions.
        """
        decided = self._new("decision", [row for row in decisions if row["decided_at"]])
        resolved = self._new("order", [row for row in orders if row["resolved_at"]])
        closed = self._new("trade", trades)
        return [*decision_lines(decided), *map(order_line, resolved), *trade_lines(closed)]

    def _new(self, kind: str, rows: Sequence[Row]) -> list[Row]:
        """The rows not shown yet, the oldest first. Ids that left the list cannot come back and are forgotten."""
        key = _KEYS[kind]
        shown = self._shown.get(kind, set())
        self._shown[kind] = {str(row[key]) for row in rows}
        return [row for row in reversed(rows) if str(row[key]) not in shown]


def decision_lines(decisions: Sequence[Row]) -> list[str]:
    """One line per decision that led to an order; per agent, one line that counts the reasons of all others."""
    lines = []
    for agent, of_agent in groupby(sorted(decisions, key=lambda row: str(row["agent"])), lambda row: row["agent"]):
        rows = list(of_agent)
        ordered = [row for row in rows if row["code"] == ORDERED]
        lines += [f"{_time(row['decided_at'])} decision  {agent:<6} {signal(row)}: {row['detail']}" for row in ordered]
        reasons = Counter(str(row["code"]) for row in rows if row["code"] != ORDERED)
        if reasons:
            counted = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
            lines.append(f"{_time(rows[-1]['decided_at'])} decisions {agent:<6} no order: {counted}")
    return lines


def signal(row: Row) -> str:
    """Return what the signal of a decision said."""
    return f"{row['symbol']} {row['action']} {float(row['confidence']):.2f}"


def order_line(row: Row) -> str:
    """One line per block order whose outcome is known."""
    head = f"{_time(row['resolved_at'])} order     {row['agent']:<6} {row['side']} {row['symbol']}"
    if not float(row["executed_quantity"]):
        return f"{head}: {row['state']} {row['error_message'] or 'nothing was filled'} ({row['client_order_id']})"
    price = f"{float(row['average_price']):,.8g}"
    whom = f"for {_accounts(row['accounts'])} ({row['client_order_id']})"
    return f"{head}: {row['state']} {float(row['executed_quantity']):.8g} at {price} {whom}"


def trade_lines(trades: Sequence[Row]) -> list[str]:
    """One line per closing order, for all of its accounts together."""
    lines = []
    for _, together in groupby(trades, lambda row: row["exit_order_id"]):
        rows = list(together)
        profit = sum(float(row["profit_loss"]) for row in rows)
        first = rows[0]
        lines.append(
            f"{_time(first['closed_at'])} trade     {first['agent']:<6} {first['symbol']}: {_accounts(len(rows))} closed, "
            f"{'profit' if profit > 0 else 'loss'} {abs(profit):,.2f} USDT ({first['reason']})"
        )
    return lines


def _accounts(number: int) -> str:
    return "1 account" if number == 1 else f"{number} accounts"


def _time(timestamp: str) -> str:
    """The time of day of an ISO 8601 time."""
    return timestamp[11:19]
