"""Quotes that were asked for a moment ago. Where they cannot be had this way, the ordinary ones are asked for, and say why."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from adapters import exchange_answers as answers
from adapters.exchange_client import ExchangeClient, RequestFailedError
from adapters.exchange_line import LOST
from agents.errors import ExchangeError
from agents.model import Quote

ROUTE, PATH = "publicGetTickerBookTicker", "ticker/bookTicker"
"""ccxt's name of the route, and Binance's."""
READ_WITHIN = timedelta(seconds=1)
"""What was to be done meanwhile took longer: the market may be elsewhere by now, and is to be asked again."""

logger = logging.getLogger(__name__)


class AskedQuotes:
    """A request for quotes that is under way; whoever made it reads it or drops it.

    Args:
        client: the exchange's; no others may be asked for before these are read or dropped.
        symbols: at least one, and each can be traded.
        then_order: whether an order is likely to follow at once.

    Raises:
        RequestFailedError: the exchange is to be spared.
        OSError: or another of :data:`adapters.exchange_line.LOST`: the request could not be sent.
    """

    def __init__(self, client: ExchangeClient, symbols: Sequence[str], *, then_order: bool) -> None:
        parameters = parameters_for(symbols)
        client.admit(ROUTE, parameters, then_order=then_order)
        self.symbols = frozenset(symbols)
        self._client = client
        self._is_open = True
        self._at = datetime.now(UTC)
        client.line.send(PATH, parameters)

    def quotes(self) -> Mapping[str, Quote] | None:
        """The quotes by symbol, once they are there, dated when they were asked for; None if there is no usable answer, or it is old."""
        if datetime.now(UTC) - self._at > READ_WITHIN:
            self.drop()
        if not self._is_open:
            return None
        self._is_open = False
        try:
            answer = self._client.line.receive()
            self._client.note_ban(answer.status, answer.retry_after)
            return answers.quotes(json.loads(answer.body), self.symbols, self._at)
        except (*LOST, ValueError, ExchangeError) as error:
            logger.info("no quotes of %s from the line: %s", sorted(self.symbols), type(error).__name__)
            return None

    def drop(self) -> None:
        """Give an answer that was not read up."""
        if self._is_open:
            self._is_open = False
            self._client.line.close()


def ask_quotes(client: ExchangeClient, symbols: Sequence[str], *, then_order: bool) -> AskedQuotes | None:
    """Ask for the symbols' quotes now; None if that cannot be."""
    try:
        return AskedQuotes(client, symbols, then_order=then_order)
    except (*LOST, RequestFailedError) as error:
        logger.info("the quotes of %s are not asked for ahead: %s", symbols, type(error).__name__)
        return None


def parameters_for(symbols: Sequence[str]) -> dict[str, str]:
    """What asks for the quotes of so many symbols; a single one weighs less."""
    return {"symbol": symbols[0]} if len(symbols) == 1 else {"symbols": answers.symbol_list(symbols)}
