"""A quote that was asked for a moment ago. Where it cannot be had this way, the ordinary one is asked for, and says why."""

import json
import logging
from datetime import UTC, datetime

from adapters import exchange_answers as answers
from adapters.exchange_client import ExchangeClient, RequestFailedError
from adapters.exchange_line import LOST
from agents.errors import ExchangeError
from agents.model import Quote

ROUTE, PATH = "publicGetTickerBookTicker", "ticker/bookTicker"
"""ccxt's name of the route, and Binance's."""

logger = logging.getLogger(__name__)


class AskedQuote:
    """A request for one symbol's quote that is under way; whoever made it reads it or drops it.

    Args:
        client: the exchange's; no second quote may be asked for before this one is read or dropped.
        symbol: one that can be traded.

    Raises:
        RequestFailedError: the exchange is to be spared.
        OSError: or another of :data:`adapters.exchange_line.LOST`: the request could not be sent.
    """

    def __init__(self, client: ExchangeClient, symbol: str) -> None:
        parameters = {"symbol": symbol}
        client.admit(ROUTE, parameters)
        self._client, self._symbol = client, symbol
        self._is_open = True
        self._at = datetime.now(UTC)
        client.line.send(PATH, parameters)

    def quote(self) -> Quote | None:
        """The quote, once it is there, dated when it was asked for; None if there is no usable answer."""
        if not self._is_open:
            return None
        self._is_open = False
        try:
            answer = self._client.line.receive()
            self._client.note_ban(answer.status, answer.retry_after)
            return answers.quotes([json.loads(answer.body)], self._at).get(self._symbol)
        except (*LOST, ValueError, ExchangeError) as error:
            logger.info("no quote of %s from the line: %s", self._symbol, type(error).__name__)
            return None

    def drop(self) -> None:
        """Give an answer that was not read up."""
        if self._is_open:
            self._is_open = False
            self._client.line.close()


def ask_quote(client: ExchangeClient, symbol: str) -> AskedQuote | None:
    """Ask for a symbol's quote now; None if that cannot be."""
    try:
        return AskedQuote(client, symbol)
    except (*LOST, RequestFailedError) as error:
        logger.info("the quote of %s is not asked for ahead: %s", symbol, type(error).__name__)
        return None
