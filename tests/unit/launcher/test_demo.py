"""The demo counts as begun once all its accounts are: an earlier Ctrl-C leaves it to the next run."""

import json
import threading

import pytest
import requests

from sandbox.launcher.demo import Demo

AGENTS = [{"agent": "atlas"}, {"agent": "nova"}]


class Api:
    """Answers as the API would, and fails at one account if told to."""

    def __init__(self, failing: str | None = None) -> None:
        self.started: list[str] = []
        self._failing = failing

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            requests.Session, "request", lambda _session, *values, **options: self.request(*values, **options)
        )

    def request(self, method: str, url: str, **options: object) -> requests.Response:
        answer = requests.Response()
        answer.status_code = 200
        answer._content = json.dumps({"items": AGENTS if url.endswith("/agents") else []}).encode()
        if method == "POST":
            order = options["json"]
            assert isinstance(order, dict)
            self.started.append(order["account_id"])
            answer.status_code = 503 if order["account_id"] == self._failing else 200
        return answer


def test_it_has_begun_once_all_its_accounts_are_started(monkeypatch: pytest.MonkeyPatch) -> None:
    api, begun, before = Api(), threading.Event(), []
    api.stand_in(monkeypatch)

    def on_begun() -> None:
        before.extend(api.started)
        begun.set()

    demo = Demo("http://api", None, lambda _said: None, on_begun)
    demo.begin()

    assert begun.wait(20)
    demo.end()
    assert before == [f"demo-{agent}-{number}" for agent in ("atlas", "nova") for number in range(1, 6)]


def test_it_has_not_begun_if_an_account_could_not_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    api, begun, told, said = Api(failing="demo-nova-3"), threading.Event(), threading.Event(), []
    api.stand_in(monkeypatch)

    def say(sentence: str) -> None:
        said.append(sentence)
        if "could not" in sentence:
            told.set()

    Demo("http://api", None, say, begun.set).begin()

    assert told.wait(20), said
    assert not begun.is_set()
