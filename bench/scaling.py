"""A hundred agents' signals over one worker, two and eight; the exchange's answer to an order is slow on purpose.

The latency is simulated: it stands for an exchange that is far away, and keeps this machine's processors from being what
binds. What is measured is that workers do not wait for one another.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import redis
from sqlalchemy import text

from agents.profile_file import parse_profiles
from agents.signals import parse_signal
from bench.measure import Row, Series
from bench.worker import worker
from bench.world import AGENT, DONE, PRICE, PROFILES_FILE, SYMBOL, BookError, Servers, World, world
from journal import control, opening, signals
from journal.serving import Opening

AGENTS, ACCOUNTS_EACH = 100, 10
WORKERS = (1, 2, 8)
ROUNDS = 2
LATENCY_SECONDS = 0.5
AT_LEAST = Decimal("0.85")
PATIENCE_SECONDS = 300


def run(servers: Servers) -> Iterator[Row]:
    """Measure the signals per second of each number of workers against that many times the rate of one."""
    profiles = servers.folder / "agents.toml"
    names = _write_profiles(profiles)
    rates = {workers: Series() for workers in WORKERS}
    with world(servers, 1) as book:
        _open(book, names, profiles)
        servers.venue.add_fault("slow", times=None, seconds=LATENCY_SECONDS)
        try:
            for workers in WORKERS:
                with ExitStack() as running:
                    for _ in range(workers):
                        running.enter_context(worker(servers, book, PROFILES_FILE=str(profiles)))
                    _await_workers(book, workers)
                    for number in range(ROUNDS):
                        rates[workers].values.append(_rate(book, names, f"{workers}-{number}", number))
        finally:
            servers.venue.clear_faults()
        book.check()
    for workers in WORKERS[1:]:
        yield _row(workers, rates[1], rates[workers])


def _row(workers: int, one: Series, many: Series) -> Row:
    ratio = Decimal(many.median / (workers * one.median))
    linear = [value / (workers * one.median) for value in many.values]
    return Row(
        f"{AGENTS} agents, {workers} workers, order latency {LATENCY_SECONDS} s (simulated)",
        f"{workers} x {one.median:.2f} signals/s",
        f"{many.median:.2f} signals/s",
        f"{ratio:.2f} x ({min(linear):.2f} to {max(linear):.2f})",
        f"≥ {AT_LEAST} x",
        ratio >= AT_LEAST,
        len(many.values),
    )


def _rate(book: World, names: list[str], run_name: str, number: int) -> float:
    """Have each agent decide one signal, buying and selling in turn; the signals per second."""
    action = "buy" if number % 2 == 0 else "sell"
    decisions = [_push(book, name, f"{run_name}-{name}", action) for name in names]
    client = book.services.state.client
    client.delete(DONE)
    begun = time.time()
    for decision in decisions:
        book.services.queue.app.send_task("bench.decide", args=[decision], queue="signals")
    ends = [_next_end(client) for _ in decisions]
    _check_filled(book, decisions)
    return len(decisions) / (max(ends) - begun)


def _check_filled(book: World, decisions: list[int]) -> None:
    statement = text("SELECT count(*) FROM trading.orders WHERE decision_id = ANY(:decisions) AND state = 'filled'")
    with book.services.book.reading() as session:
        filled = session.scalar(statement, {"decisions": decisions})
    if filled != len(decisions):
        raise BookError(f"of {len(decisions)} signals {filled} were filled")


def _next_end(client: redis.Redis) -> float:
    answer = client.blpop([DONE], timeout=PATIENCE_SECONDS)
    if answer is None:
        raise BookError("a signal was never decided")
    return float(answer[1])


def _push(book: World, agent: str, name: str, action: str) -> int:
    fields = {"id": name, "symbol": SYMBOL, "action": action, "confidence": Decimal("0.9"), "price": Decimal(PRICE)}
    signal = parse_signal(fields, received_at=datetime.now(UTC), untimed_id=name)
    with book.services.book.unit_of_work() as session:
        return signals.take_in(session, source="manual", signal=signal, agent=agent)


def _write_profiles(path: Path) -> list[str]:
    """As many agents as shall be, alike but for their names."""
    # The last of them waits for all others.
    profile = PROFILES_FILE.read_text(encoding="utf-8").replace("max_age_seconds = 90", "max_age_seconds = 900")
    names = [f"agent-{number}" for number in range(AGENTS)]
    path.write_text(
        "\n".join([profile, *(profile.replace(f"[{AGENT}]", f"[{name}]") for name in names)]), encoding="utf-8"
    )
    return names


def _open(book: World, names: list[str], profiles: Path) -> None:
    known = parse_profiles(profiles.read_text(encoding="utf-8"))
    for name in names:
        openings = [Opening(f"{name}-{number}", Decimal(1000)) for number in range(ACCOUNTS_EACH)]
        request = opening.StartManyRequest(known[name], Decimal(3600), openings)
        with book.services.book.unit_of_work() as session:
            opening.start_many(session, request, actor="bench")
            session.flush()
            published = control.publication(session, name)
        if published is None:
            raise BookError(f"{name} was not opened")
        book.services.state.put_agent(name, published.status, published.version)


def _await_workers(book: World, workers: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(book.services.queue.app.control.ping(timeout=1) or ()) < workers:
        if time.monotonic() > deadline:
            raise BookError(f"{workers} workers do not answer")
