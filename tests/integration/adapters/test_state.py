"""The nerve, in a real Redis."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters import state
from adapters.state import StateStore
from agents.model import Status, TradingState


@pytest.fixture
def store(redis_url: str) -> StateStore:
    return StateStore(state.connect(redis_url))


@pytest.fixture
def another_worker(redis_url: str) -> StateStore:
    return StateStore(state.connect(redis_url))


def test_what_was_published_is_read(store: StateStore) -> None:
    store.put_agent("atlas", Status.RUNNING, 3)
    store.put_trading_state(TradingState.ACTIVE, 0)

    assert store.agent("atlas") == state.AgentState(Status.RUNNING, 3, TradingState.ACTIVE)


def test_missing_state_means_that_nothing_runs(store: StateStore) -> None:
    assert store.agent("atlas") == state.NOTHING_RUNS


def test_half_of_the_state_missing_means_that_nothing_runs(store: StateStore) -> None:
    store.put_agent("atlas", Status.RUNNING, 3)

    assert store.agent("atlas") == state.NOTHING_RUNS


def test_unreachable_state_means_that_nothing_runs() -> None:
    assert StateStore(state.connect("redis://127.0.0.1:1")).agent("atlas") == state.NOTHING_RUNS


def test_an_older_version_never_overwrites_a_newer_one(store: StateStore) -> None:
    store.put_trading_state(TradingState.HALTED, 5)
    store.put_agent("atlas", Status.STOPPED, 9)

    store.put_trading_state(TradingState.ACTIVE, 4)
    store.put_agent("atlas", Status.RUNNING, 8)

    assert store.agent("atlas") == state.AgentState(Status.STOPPED, 9, TradingState.HALTED)


def test_one_worker_at_a_time_holds_an_agent(store: StateStore, another_worker: StateStore) -> None:
    with store.lease("atlas", wait_seconds=0) as mine:
        assert mine is not None
        with another_worker.lease("atlas", wait_seconds=0) as theirs:
            assert theirs is None
        with another_worker.lease("nova", wait_seconds=0) as other:
            assert other is not None
    with another_worker.lease("atlas", wait_seconds=0) as theirs:
        assert theirs is not None


def test_a_lease_that_ran_out_is_neither_renewed_nor_taken_from_its_new_holder(
    store: StateStore, another_worker: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "RENEW_AFTER_SECONDS", 0)
    with store.lease("atlas", wait_seconds=0) as mine:
        assert mine is not None
        store.client.delete("lease:atlas")
        with another_worker.lease("atlas", wait_seconds=0) as theirs:
            mine.renew()
            mine.release()
            assert theirs is not None
            assert store.client.exists("lease:atlas")


def test_workers_share_one_budget_of_request_weight(store: StateStore, another_worker: StateStore) -> None:
    assert store.spend_weight(60, limit=100)
    assert not another_worker.spend_weight(60, limit=100)
    assert another_worker.spend_weight(40, limit=100)


def test_a_ban_of_one_worker_keeps_all_of_them_from_the_exchange_until_it_ends(
    store: StateStore, another_worker: StateStore
) -> None:
    store.note_ban(datetime.now(UTC) + timedelta(seconds=60))
    assert not another_worker.spend_weight(1, limit=100)
    left = store.client.pttl(state.BAN_KEY)
    assert isinstance(left, int)
    assert 50_000 < left <= 60_000

    store.note_ban(datetime.now(UTC) + timedelta(milliseconds=1))
    while store.client.exists(state.BAN_KEY):
        pass
    assert another_worker.spend_weight(1, limit=100)
