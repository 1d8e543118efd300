"""The service's tasks and, beside them, the floors that they are compared with, for one worker process to run.

``celery -A bench.floor_tasks worker``. Every task here says by a list in Redis when it is done.
"""

import functools
import os
import time

import ccxt
import redis
import requests

from bench.world import DONE, SYMBOL
from sandbox.exchange.settings import DEMO_API_KEY, DEMO_API_SECRET
from tasks.celery import app, services
from tasks.deciding import decide
from tasks.tick import run_due


@functools.cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(os.environ["REDIS_URL"])


@functools.cache
def _session() -> requests.Session:
    return requests.Session()


@functools.cache
def _bare_client() -> "ccxt.binance":
    """Unmodified ccxt, told nothing but where and who."""
    api = f"{os.environ['BINANCE_BASE_URL']}/api/v3"
    client = ccxt.binance(
        {
            "apiKey": DEMO_API_KEY,
            "secret": DEMO_API_SECRET,
            "urls": {"test": {"public": api, "private": api}},
            "enableRateLimit": False,
            "options": {"fetchCurrencies": False, "fetchMarkets": ["spot"]},
        }
    )
    client.set_sandbox_mode(enable=True)
    client.load_markets()
    return client


@app.task(name="bench.nothing")
def nothing() -> None:
    """The least a task can do."""
    _redis().rpush(DONE, time.time())


@app.task(name="bench.get")
def get() -> None:
    """One bare HTTP request, the quote of one symbol."""
    url = f"{os.environ['BINANCE_BASE_URL']}/api/v3/ticker/bookTicker"
    _session().get(url, params={"symbol": SYMBOL}, timeout=5).raise_for_status()
    _redis().rpush(DONE, time.time())


@app.task(name="bench.order")
def order() -> None:
    """One bare order, as small as the service's."""
    _bare_client().create_order("BTC/USDT", "limit", "buy", 0.001, 45100, {"timeInForce": "IOC"})
    _redis().rpush(DONE, time.time())


@app.task(name="bench.decide")
def decide_signal(decision: int) -> None:
    """The service's decision of a signal, with the order it comes to."""
    decide(services(), decision)
    _redis().rpush(DONE, time.time())


@app.task(name="bench.tick")
def tick(agent: str) -> None:
    """The service's tick."""
    run_due(services(), agent)
    _redis().rpush(DONE, time.time())
