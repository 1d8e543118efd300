import json
import logging

import pytest

from adapters.alerts import QUIET_SECONDS, Alerts, NullAlerts, alerts
from agents.errors import InvalidInputError
from tests.unit.adapters.misbehaving_server import Drop, Stub

# One of the services that Apprise loads uses a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

TOKEN = "t0ken-in-the-address"


@pytest.fixture
def address(stub: Stub) -> str:
    return stub.url.replace("http://", "json://") + f"/{TOKEN}"


def test_an_alert_reaches_the_address_and_the_log(stub: Stub, address: str, caplog: pytest.LogCaptureFixture) -> None:
    stub.answer({})
    alerts([address]).send("exchange down", "no answer for a minute")
    [seen] = stub.seen
    sent = json.loads(seen.body)
    assert (sent["title"], sent["message"]) == ("exchange down", "no answer for a minute")
    assert "exchange down" in caplog.text


def test_the_same_title_is_sent_once_in_ten_minutes_and_others_at_once(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    sent: list[str] = []

    def notify(title: str, **_rest: object) -> bool:
        sent.append(title)
        return False

    sender = Alerts([address])
    monkeypatch.setattr("adapters.alerts.time.monotonic", lambda: now)
    monkeypatch.setattr(sender._services, "notify", notify)
    sender.send("a", "1")
    now += 1
    sender.send("a", "2")
    sender.send("b", "3")
    now += QUIET_SECONDS
    sender.send("a", "4")
    assert sent == ["a", "b", "a"]


@pytest.mark.parametrize("status", [400, 500, None])
def test_an_alert_that_cannot_be_delivered_is_logged_without_its_address_and_does_not_raise(
    stub: Stub, address: str, caplog: pytest.LogCaptureFixture, status: int | None
) -> None:
    caplog.set_level(logging.INFO)
    if status is None:
        stub.reply(Drop())
    else:
        stub.answer({}, status)
    Alerts([address]).send("exchange down", "no answer")
    assert "not delivered" in caplog.text
    assert TOKEN not in caplog.text


def test_a_notification_plugin_that_breaks_does_not_break_trading(
    address: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(**_message: object) -> bool:
        raise RuntimeError(address)

    sender = Alerts([address])
    monkeypatch.setattr(sender._services, "notify", explode)
    sender.send("exchange down", "no answer")
    assert "RuntimeError" in caplog.text
    assert TOKEN not in caplog.text


def test_an_address_that_is_not_understood_is_named_by_its_number_only(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidInputError, match="address number 2") as caught:
        Alerts([address, f"nosuchservice://{TOKEN}"])
    assert caught.value.field == "ALERT_URLS"
    assert TOKEN not in str(caught.value) + caplog.text


def test_without_addresses_alerts_are_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    quiet = alerts([])
    quiet.send("exchange down", "no answer")
    assert isinstance(quiet, NullAlerts)
    assert "alert: exchange down: no answer" in caplog.text
