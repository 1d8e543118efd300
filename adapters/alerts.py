"""Tells a person what needs a person, by any of the services that Apprise knows (mail, chat, pager, webhook)."""

import logging
import time
from collections.abc import Sequence

import apprise

from agents.errors import InvalidInputError

QUIET_SECONDS = 600
"""The same title is not sent again within this time."""
SEND_SECONDS = 10
"""Sending to all addresses takes no longer than this."""

logger = logging.getLogger(__name__)

# Its messages hold addresses, and addresses hold passwords.
logging.getLogger("apprise").disabled = True


class NullAlerts:
    """Writes alerts to the log and sends them to nobody."""

    def send(self, title: str, body: str) -> None:
        """Log one alert."""
        logger.warning("alert: %s: %s", title, body)


class Alerts:
    """Sends alerts to people and writes them to the log.

    Args:
        urls: Apprise addresses.

    Raises:
        InvalidInputError: Apprise does not understand an address; says which, without showing it.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._services = apprise.Apprise()
        self._sent_at: dict[str, float] = {}
        for number, url in enumerate(urls, start=1):
            if not self._services.add(url):
                raise InvalidInputError("ALERT_URLS", f"address number {number} is none that Apprise understands")

    def send(self, title: str, body: str) -> None:
        """Send one alert, unless one of the same title was sent in the last ten minutes. Never raises."""
        if not self._is_new(title):
            return
        logger.warning("alert: %s: %s", title, body)
        try:
            delivered = bool(self._services.notify(title=title, body=body, timeout=SEND_SECONDS))
        except Exception as error:  # noqa: BLE001 - trading goes on, whatever a notification service's plugin does
            logger.error("alert %r not delivered: %s", title, type(error).__name__)  # noqa: TRY400 - a traceback would show addresses
            return
        if not delivered:
            logger.error("alert %r not delivered to every address", title)

    def _is_new(self, title: str) -> bool:
        now = time.monotonic()
        self._sent_at = {known: at for known, at in self._sent_at.items() if now - at < QUIET_SECONDS}
        return self._sent_at.setdefault(title, now) == now


def alerts(urls: Sequence[str]) -> Alerts | NullAlerts:
    """What sends to these addresses, or only logs when there are none."""
    return Alerts(urls) if urls else NullAlerts()
