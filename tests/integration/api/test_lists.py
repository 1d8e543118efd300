"""Lists: pages, filters, and what they say of one account."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from flask.testing import FlaskClient

Start = Callable[..., dict[str, Any]]
Signal = Callable[..., dict[str, object]]
Scribe = Any


def walk(client: FlaskClient, path: str) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    pages, cursor = [], ""
    while True:
        body = client.get(path + cursor).get_json()
        pages.append(body["items"])
        if body["next_cursor"] is None:
            return pages
        cursor = f"&cursor={body['next_cursor']}"


def post(client: FlaskClient, agent: str, signal: dict[str, object]) -> None:
    assert client.post(f"/agents/{agent}/signals?wait=0", json=signal).status_code == 202


def test_every_list_gives_each_row_once_the_newest_first(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    for number in range(5):
        start(account_id=f"a{number}")
        post(client, "atlas", signal(id=f"s{number}"))
        scribe.order()
        scribe.trade("a0", str(number))
        scribe.run(
            "INSERT INTO investment.account_transactions (account_id, transaction_type, amount, balance_before, "
            "balance_after) VALUES ('a0', 'profit', :n, 0, 0)",
            n=number,
        )
        scribe.run(
            "INSERT INTO investment.performance_snapshots (account_id, snapshot_date, period_type, opening_balance, "
            "closing_balance, profit_loss) VALUES ('a0', DATE '2026-01-01' + :n, 'daily', 1, 1, 0)",
            n=number,
        )
    expected = {
        "/accounts?": ("account_id", ["a4", "a3", "a2", "a1", "a0"]),
        "/decisions?": ("signal_id", ["s4", "s3", "s2", "s1", "s0"]),
        "/trades?symbol=BTCUSDT&": ("profit_loss", [4, 3, 2, 1, 0]),
        "/accounts/a0/trades?": ("profit_loss", [4, 3, 2, 1, 0]),
        "/accounts/a0/transactions?": ("amount", [4, 3, 2, 1, 0, 1000]),
        "/accounts/a0/performance?": ("snapshot_date", [f"2026-01-0{day}" for day in (5, 4, 3, 2, 1)]),
    }
    for path, (column, values) in expected.items():
        pages = walk(client, f"{path}limit=2")
        assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1), path
        assert [item[column] for page in pages for item in page] == values, path
    orders = [item["client_order_id"] for page in walk(client, "/orders?limit=3") for item in page]
    assert orders == sorted(orders, reverse=True)
    assert len(orders) == len(set(orders)) == 10


def test_a_page_that_ends_with_the_last_row_has_no_next(client: FlaskClient, start: Start) -> None:
    for number in range(2):
        start(account_id=f"a{number}")
    assert client.get("/accounts?limit=2").get_json()["next_cursor"] is None


def test_filters_narrow_lists(client: FlaskClient, start: Start, signal: Signal, scribe: Scribe) -> None:
    start("atlas", "a")
    start("orion", "o")
    client.post("/agents/orion/pause?account_id=o")
    post(client, "atlas", signal(id="s1"))
    post(client, "orion", signal(id="s2", symbol="ETHUSDT"))
    scribe.order(agent="orion", symbol="ETHUSDT", state="rejected")
    own = f"ta-{1:032x}"
    scribe.trade("a", "5")
    scribe.trade("o", "5", agent="orion", symbol="ETHUSDT")
    for path, wanted in (
        ("/accounts?agent=orion", ["o"]),
        ("/accounts?status=paused", ["o"]),
        ("/decisions?agent=orion", ["s2"]),
        ("/decisions?symbol=BTCUSDT", ["s1"]),
        ("/decisions?signal_id=s2", ["s2"]),
        ("/decisions?account_id=a", ["s1"]),
        ("/decisions?code=hold", []),
        ("/orders?state=rejected", [own]),
        (f"/orders?client_order_id={own}", [own]),
        ("/orders?agent=nova", []),
        ("/trades?agent=orion", ["o"]),
        ("/trades?account_id=a", ["a"]),
        ("/trades?symbol=ETHUSDT", ["o"]),
    ):
        items = client.get(path).get_json()["items"]
        column = {"/a": "account_id", "/d": "signal_id", "/o": "client_order_id", "/t": "account_id"}[path[:2]]
        assert [item[column] for item in items] == wanted, path


def test_a_decision_says_what_it_meant_for_one_account(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    for account_id in ("a", "b", "c"):
        start(account_id=account_id)
    post(client, "atlas", signal())
    number = scribe.run("SELECT number FROM trading.accounts WHERE id = 'b'")
    decision_id = scribe.run("SELECT id FROM trading.decisions")
    scribe.decide(decision_id, "ordered", account_paused=f"{{[{number},{number + 1})}}")

    def code_for(account_id: str) -> str:
        (item,) = client.get(f"/decisions?account_id={account_id}").get_json()["items"]
        return str(item["account_code"])

    assert [code_for(account_id) for account_id in ("a", "b", "c")] == ["ordered", "account_paused", "ordered"]
    assert len(client.get("/decisions?account_id=b&code=account_paused").get_json()["items"]) == 1
    assert client.get("/decisions?account_id=b&code=ordered").get_json()["items"] == []
    assert "account_code" not in client.get("/decisions").get_json()["items"][0]


def test_an_account_is_told_the_decisions_of_the_agent_that_served_it_at_the_time(
    client: FlaskClient, start: Start, signal: Signal, scribe: Scribe
) -> None:
    start("atlas", "other")
    start("nova", "another")
    post(client, "atlas", signal(id="before-it-was-opened"))
    scribe.run("UPDATE trading.decisions SET code = 'hold', decided_at = now()")
    start("atlas", "mover")
    post(client, "atlas", signal(id="under-atlas"))
    scribe.run("UPDATE trading.decisions SET code = 'hold', decided_at = now() WHERE decided_at IS NULL")
    client.post("/agents/atlas/stop?account_id=mover")
    start("nova", "mover")
    for agent, signal_id in (("atlas", "atlas-without-it"), ("nova", "under-nova")):
        post(client, agent, signal(id=signal_id))
    ids = [item["signal_id"] for item in client.get("/decisions?account_id=mover").get_json()["items"]]
    assert ids == ["under-nova", "under-atlas"]


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/nobody",
        "/accounts/nobody/transactions",
        "/accounts/nobody/trades",
        "/accounts/nobody/performance",
        "/decisions?account_id=nobody",
        "/trades?account_id=nobody",
        "/decisions?agent=zeus",
        "/orders?agent=zeus",
        "/trades?agent=zeus",
        "/accounts?agent=zeus",
        "/agents/zeus/status",
        "/agents/zeus/metrics",
        "/agents/zeus/positions",
        "/agents/atlas/status?account_id=nobody",
    ],
)
def test_an_unknown_agent_or_account_is_not_an_empty_list(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, 404)


def test_the_agents_dust_account_shows_neither_among_an_orders_accounts_nor_among_the_trades(
    client: FlaskClient, start: Start, scribe: Scribe
) -> None:
    start("atlas", "alice")
    scribe.run("INSERT INTO trading.accounts (id, agent, kind) VALUES ('dust-atlas', 'atlas', 'dust')")
    order = scribe.order()
    for account in ("alice", "dust-atlas"):
        scribe.run(
            "INSERT INTO trading.shares (order_id, account_id, quantity, reserved) VALUES (:order, :account, 1, 0)",
            order=order,
            account=account,
        )
        scribe.run(
            "INSERT INTO trading.trades (account_id, agent, symbol, quantity, entry_price, exit_price, cost, proceeds, "
            "profit_loss, reason, exit_order_id, opened_at) "
            "VALUES (:account, 'atlas', 'BTCUSDT', 1, 1, 2, 1, 2, 1, 'target', :order, now())",
            order=order,
            account=account,
        )

    assert [item["accounts"] for item in client.get("/orders").get_json()["items"]] == [1]
    assert [item["account_id"] for item in client.get("/trades").get_json()["items"]] == ["alice"]


LISTS = (
    "/accounts?",
    "/decisions?symbol=BTCUSDT&",
    "/orders?symbol=BTCUSDT&state=filled&",
    "/trades?symbol=BTCUSDT&",
    "/audit?action=start&agent=atlas&",
)


@pytest.mark.parametrize("scanned", [1, 3, 100])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_together_are_the_list_without_doubles_whatever_is_added_meanwhile(
    client: FlaskClient,
    start: Start,
    signal: Signal,
    scribe: Scribe,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    scanned: int,
) -> None:
    monkeypatch.setattr("journal.scans.SCANNED", scanned)
    numbers = count()

    def add_some() -> None:
        number = next(numbers)
        symbol = "BTCUSDT" if number % 3 else "ETHUSDT"
        start(account_id=f"a{number}")
        post(client, "atlas", signal(id=f"s{number}", symbol=symbol))
        scribe.order(symbol=symbol, state="filled" if number % 2 else "rejected")
        scribe.trade(f"a{number}", "1", symbol=symbol)

    for _ in range(4):
        add_some()
    for path in LISTS:
        before = [item for page in walk(client, f"{path}limit=100") for item in page]
        found, cursor = [], ""
        while True:
            body = client.get(f"{path}limit={limit}{cursor}").get_json()
            assert len(body["items"]) <= limit
            found += body["items"]
            if body["next_cursor"] is None:
                break
            cursor = f"&cursor={body['next_cursor']}"
            if next(numbers) < 12:
                add_some()
        assert keys(found) == keys(before), path


def keys(items: list[dict[str, Any]]) -> list[str]:
    return [str(item.get("id") or item.get("client_order_id") or item["account_id"]) for item in items]
