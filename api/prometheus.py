"""Metrics for Prometheus, read from the book whenever it asks: every process of the API tells the same."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from journal import gauge_queries, queries
from journal.database import Book
from journal.queries import View

PREFIX = "trading_agents_"


class BookCollector(Collector):
    """Reads the book at every scrape."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def collect(self) -> Iterable[Metric]:
        """All metric families, from one consistent view of the book."""
        with self._book.reading() as session:
            agents = gauge_queries.agents(session)
            money = queries.agent_views(session, [row["agent"] for row in agents])
            accounts = gauge_queries.accounts(session)
            orders = gauge_queries.orders(session)
        yield _gauge("agent_running", "1 while the agent's status is running", agents, "running")
        yield _gauge("tick_age_seconds", "Seconds since the agent's last tick", agents, "seconds_since_tick")
        yield _gauge("pending_decisions", "Signals that no worker has decided yet", agents, "pending_decisions")
        yield _gauge("unresolved_orders", "Orders whose outcome is not known", agents, "unresolved_orders")
        yield _gauge("equity", "Worth of all accounts of the agent, in quote currency", money, "equity")
        yield _gauge("cash", "Free cash of all accounts of the agent", money, "cash")
        yield _gauge("open_positions", "Open positions of all accounts of the agent", money, "open_positions")
        yield _gauge("accounts", "Accounts by status", accounts, "accounts", "status")
        counter = CounterMetricFamily(PREFIX + "orders", "Orders by state", labels=["agent", "state"])
        for row in orders:
            counter.add_metric([row["agent"], row["state"]], row["orders"])
        yield counter


def _gauge(name: str, help_text: str, rows: Iterable[View], column: str, *labels: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + name, help_text, labels=["agent", *labels])
    for row in rows:
        if row[column] is not None:
            family.add_metric([row["agent"], *(row[label] for label in labels)], float(row[column]))
    return family
