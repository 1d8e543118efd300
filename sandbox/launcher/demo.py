"""The demo: a handful of accounts under each of the three agents, started over the API as the platform would."""

from collections.abc import Callable

import requests

AGENTS = ("atlas", "orion", "nova")
EQUITIES = (1_000, 2_500, 10_000, 25_000, 100_000)
_TIMEOUT_SECONDS = 30.0


class Demo:
    """Drives one API from outside.

    Args:
        api: Its base URL.
        say: Takes the sentences that the person at the terminal should read.
    """

    def __init__(self, api: str, say: Callable[[str], None]) -> None:
        self._api = api
        self._say = say
        self._session = requests.Session()

    def start(self) -> None:
        """Start every agent for its demo accounts; those that are running already go on."""
        for agent in AGENTS:
            started = sum(self._start_account(agent, number) for number in range(1, len(EQUITIES) + 1))
            self._say(f"{agent}: {started} accounts started")

    def _start_account(self, agent: str, number: int) -> bool:
        order = {"agent_name": agent, "initial_equity": EQUITIES[number - 1], "account_id": f"demo-{agent}-{number}"}
        answer = self._session.post(f"{self._api}/agents/{agent}/start", json=order, timeout=_TIMEOUT_SECONDS)
        if answer.status_code == requests.codes.conflict:
            return False
        answer.raise_for_status()
        return True
