"""The demo: a handful of accounts under each agent, driven over the API as the platform would."""

import threading
from collections.abc import Callable
from typing import Any

import requests

from sandbox.launcher.feed import Feed

EQUITIES = (1_000, 2_500, 10_000, 25_000, 100_000)
_LISTS = ("decisions", "orders", "trades")
_ROWS = 200
_POLL_SECONDS = 1.0
_TIMEOUT_SECONDS = 30.0


class Demo:
    """Drives one API from outside, in a thread of its own, until the program ends.

    Args:
        api: Its base URL.
        token: A token that it accepts, where it asks for one.
        say: Takes the sentences that the person at the terminal should read.
        on_begun: Called once all accounts are started.
    """

    def __init__(self, api: str, token: str | None, say: Callable[[str], None], on_begun: Callable[[], None]) -> None:
        self._api = api
        self._say = say
        self._on_begun = on_begun
        self._feed = Feed()
        self._session = requests.Session()
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._over = threading.Event()

    def begin(self) -> None:
        """Start the agents and show what they do, without holding up the caller."""
        threading.Thread(target=self._run, name="demo", daemon=True).start()

    def end(self) -> None:
        """Say no more."""
        self._over.set()

    def _run(self) -> None:
        try:
            self._feed.skip(*map(self._list, _LISTS))
            for agent in [standing["agent"] for standing in self._list("agents")]:
                started = sum(self._start_account(agent, number) for number in range(1, len(EQUITIES) + 1))
                self._say(f"demo: {agent} trades for {len(EQUITIES)} accounts ({started} started now)")
        except requests.RequestException as error:
            self._say(f"demo: the agents could not be started: {error}")
            return
        self._on_begun()
        while not self._over.wait(_POLL_SECONDS):
            self._show_news()

    def _show_news(self) -> None:
        try:
            lines = self._feed.lines(*map(self._list, _LISTS))
        except requests.RequestException:
            # The API may be starting again; the supervisor says so.
            return
        if lines and not self._over.is_set():
            self._say("\n".join(lines))

    def _list(self, name: str) -> list[dict[str, Any]]:
        answer = self._session.get(f"{self._api}/{name}", params={"limit": _ROWS}, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        rows: list[dict[str, Any]] = answer.json()["items"]
        return rows

    def _start_account(self, agent: str, number: int) -> bool:
        order = {"agent_name": agent, "initial_equity": EQUITIES[number - 1], "account_id": f"demo-{agent}-{number}"}
        answer = self._session.post(f"{self._api}/agents/{agent}/start", json=order, timeout=_TIMEOUT_SECONDS)
        if answer.status_code == requests.codes.conflict:
            return False
        answer.raise_for_status()
        return True
