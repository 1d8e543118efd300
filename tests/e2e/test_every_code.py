"""Every code of a decision happens in a running system."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from agents.risk import Code
from tests.e2e.engine import ScriptedEngine
from tests.e2e.service import Json, Service, wait_for

PRICE = 45_000
BASE = {
    "style": '"a test"',
    "min_confidence": 0.5,
    "risk_per_trade": 0.5,
    "max_position": 0.5,
    "max_exposure": 1,
    "max_open_positions": 8,
    "stop_loss": 0.5,
    "take_profit": 1,
    "daily_loss": 0.9,
    "max_drawdown": 0.9,
    "max_slippage": 0.003,
    "max_price_deviation": 0.04,
    "max_spread": 0.005,
    "cooldown_seconds": 0,
    "breaker_action": '"block"',
    "signal_max_age_seconds": 60,
    "tick_seconds": 3600,
}
AGENTS: dict[str, dict[str, object]] = {
    "plain": {},
    "waiting": {},
    "single": {"max_open_positions": 1},
    "half": {"max_exposure": 0.5},
    "cautious": {"risk_per_trade": 0.0001, "max_position": 1},
    "resting": {"cooldown_seconds": 3600},
    "narrow": {"max_spread": 0.0001},
    "small": {"max_position": 0.1, "stop_loss": 0.02, "risk_per_trade": 0.005},
    "daily": {"daily_loss": 0.02, "tick_seconds": 1},
    "falling": {"daily_loss": 0.02, "max_drawdown": 0.02, "tick_seconds": 1},
    "polling": {"tick_seconds": 1},
}


def profiles() -> str:
    tables = (
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in (BASE | own).items())
        for name, own in AGENTS.items()
    )
    return "\n".join(tables)


class Tour:
    """One running service; remembers a decision for every code that it has met."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.met: dict[str, Json] = {}

    def open(self, agent: str, equity: object, account_id: str = "", **more: object) -> str:
        account_id = account_id or f"{agent}-{len(self.service.items('/accounts', limit=500))}"
        self.service.open_account(agent, account_id, equity, **more)
        return account_id

    def breakers(self, agent: str) -> list[Json]:
        return list(self.service.get(f"/agents/{agent}/status")["breakers"])

    def buy(self, agent: str, symbol: str = "BTCUSDT", price: float = PRICE, **more: object) -> str:
        return self.advise(agent, "buy", symbol, price, **more)

    def advise(self, agent: str, action: str, symbol: str = "BTCUSDT", price: float = PRICE, **more: object) -> str:
        decision = self.service.signal(agent, symbol, action, price, **more)["decision"]
        self.note(decision)
        return str(decision["code"])

    def note(self, decision: Json) -> None:
        for code in {decision["code"], *decision["counts"]} - self.met.keys():
            self.met[code] = decision
            # The table that `pytest -s` shows.
            print(f"| `{code}` | {decision['agent']} | {decision['detail']} | {decision['counts']} |")  # noqa: T201 - see above


@pytest.fixture
def tour(scripted_engine: ScriptedEngine, tmp_path: Path) -> Iterator[Tour]:
    file = tmp_path / "profiles.toml"
    file.write_text(profiles())
    service = Service(tmp_path / "data", ML_ENGINE_URL=scripted_engine.url, PROFILES_FILE=str(file))
    try:
        service.until_ready()
        yield Tour(service)
    finally:
        service.stop()


def of_the_signal(tour: Tour) -> None:
    tour.open("plain", 1000)
    tour.buy("plain", confidence=0.4)
    tour.buy("plain", timestamp=(datetime.now(UTC) - timedelta(seconds=200)).isoformat())
    tour.buy("plain", price=49_500)
    tour.advise("plain", "hold")
    tour.advise("plain", "sell")
    tour.open("narrow", 1000, symbols=["BTCUSDT"])
    tour.buy("narrow", "XRPUSDT", 0.5)
    tour.buy("narrow")


def of_the_switches(tour: Tour) -> None:
    post = tour.service.post
    post("/agents/plain/pause")
    tour.buy("plain")
    post("/agents/plain/stop")
    tour.buy("plain")
    tour.open("plain", 1000, "plain-0")
    for position in ("halt", "reduce"):
        post(f"/trading/{position}", {"reason": "a drill"})
        tour.buy("plain")
    post("/trading/activate", {"reason": "the drill is over"})


def of_the_accounts(tour: Tour) -> None:
    post = tour.service.post
    for number, change in enumerate(("pause", "stop")):
        tour.open("plain", 1000, f"changed-{number}")
        post(f"/agents/plain/{change}", {"account_id": f"changed-{number}"})
    # Both that were changed, and one that buys.
    tour.buy("plain")
    tour.buy("plain")
    waiting = tour.open("waiting", 21)
    tour.buy("waiting", "XRPUSDT", 0.5)
    # Worth less than the exchange takes, its position cannot be sold for the withdrawal.
    tour.service.pin("XRPUSDT", 0.2)
    cash = tour.service.get(f"/accounts/{waiting}")["cash"]
    body = {"amount": round(cash + 2, 8), "reference_id": "w-1", "liquidate": True}
    post(f"/accounts/{waiting}/withdrawals", body, status=202)
    tour.buy("waiting")
    tour.service.pin("XRPUSDT", 0.5)
    tour.open("single", 1000)
    tour.buy("single")
    tour.buy("single", "XRPUSDT", 0.5)
    empty = tour.open("cautious", 1000)
    post(f"/accounts/{empty}/close", {"reference_id": "c-1"})
    tour.buy("cautious")


def of_the_limits(tour: Tour) -> None:
    tour.open("half", 1000)
    tour.buy("half")
    tour.service.pin("BTCUSDT", 54_000)
    # Its exposure is judged at the last price that somebody asked for.
    tour.buy("narrow", price=54_000)
    tour.buy("half", "XRPUSDT", 0.5)
    tour.service.pin("BTCUSDT", PRICE)
    emptied = tour.open("single", 10, "emptied")
    tour.service.post(f"/accounts/{emptied}/withdrawals", {"amount": 10, "reference_id": "w-1"})
    tour.buy("single", "XRPUSDT", 0.5)
    tour.open("cautious", 0.001, "tiny")
    tour.buy("cautious")
    for number, equity in enumerate((0.00000001, 0.001, 30, 50.6)):
        account = tour.open("small", equity, f"small-{number}")
        tour.buy("small", "XRPUSDT", 0.5)
        tour.service.post(f"/accounts/{account}/close", {"reference_id": "c-1"})
    tour.open("resting", 1000)
    tour.buy("resting")
    tour.service.pin("BTCUSDT", 44_550)
    tour.advise("resting", "sell", price=44_550)
    tour.buy("resting", price=44_550)


def of_losses(tour: Tour) -> None:
    tour.service.pin("BTCUSDT", PRICE)
    for agent in ("daily", "falling"):
        tour.open(agent, 1000, f"{agent}-loser")
        tour.buy(agent)
    tour.service.pin("BTCUSDT", 40_500)
    for agent in ("daily", "falling"):
        wait_for(partial(tour.breakers, agent), "a breaker trips")
        tour.buy(agent, "XRPUSDT", 0.5)


def of_the_exchange(tour: Tour) -> None:
    service = tour.service
    tour.open("plain", 1000, "late")
    service.add_fault("thin_book", fraction="0.000004", symbol="XRPUSDT", times=None)
    tour.buy("plain", "XRPUSDT", 0.5)
    service.clear_faults()
    service.add_fault("error_before", method="GET", path="/api/v3/ticker/bookTicker", times=None)
    tour.buy("plain", "XRPUSDT", 0.5)
    service.clear_faults()
    service.add_fault("minus_1007")
    service.add_fault("error_before", method="GET", path="/api/v3/order", times=None)
    advice = {"symbol": "XRPUSDT", "action": "buy", "price": 0.5, "confidence": 0.9}
    service.post("/agents/plain/signals?wait=0", advice, status=202)
    wait_for(lambda: service.items("/orders", agent="plain", state="unknown"), "the order's outcome is unknown")
    tour.buy("plain", "XRPUSDT", 0.5)
    service.clear_faults()
    tour.open("half", 10**12, "rich")
    tour.buy("half", "XRPUSDT", 0.5)
    service.add_fault("ban_418", method="GET", path="/api/v3/ticker/bookTicker", retry_after=30)
    tour.buy("half", "XRPUSDT", 0.5)
    tour.buy("half", "XRPUSDT", 0.5)


def of_the_engine(tour: Tour, engine: ScriptedEngine) -> None:
    tour.open("polling", 1000)
    engine.advice["BTCUSDT"] = {"symbol": "BTCUSDT", "action": "buy", "confidence": 2, "price": PRICE}
    malformed = wait_for(lambda: tour.service.items("/decisions", code="malformed_signal"), "the signal is polled")
    tour.note(malformed[0])


@pytest.mark.timeout(120)
def test_every_code_happens_in_a_running_system(tour: Tour, engine: ScriptedEngine) -> None:
    tour.service.pin("BTCUSDT", PRICE)
    tour.service.pin("XRPUSDT", 0.5)
    of_the_signal(tour)
    of_the_switches(tour)
    of_the_accounts(tour)
    of_the_limits(tour)
    of_losses(tour)
    of_the_engine(tour, engine)
    of_the_exchange(tour)
    assert tour.met.keys() == {code.value for code in Code}
