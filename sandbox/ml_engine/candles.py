"""One-second candles from an exchange that speaks Binance's public REST API."""

import time

import requests

from sandbox.ml_engine.model import BAR_MILLISECONDS, LOOKBACK, Candle

_LIMIT = LOOKBACK + 1 + BAR_MILLISECONDS // 1000
_KEEP_SECONDS = 1.0
_TIMEOUT_SECONDS = 3.0


class CandlesUnavailableError(Exception):
    """The exchange did not answer, or not with candles."""


class Candles:
    """Fetches candles and keeps each symbol's for a second, so that many askers cost one request.

    Args:
        base_url: Scheme and host of the exchange, without `/api/v3`.
    """

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url.rstrip('/')}/api/v3/klines"
        self._session = requests.Session()
        self._kept: dict[str, tuple[float, list[Candle]]] = {}

    def latest(self, symbol: str) -> list[Candle]:
        """Return the last candles in order of time, none for a symbol that the exchange does not know.

        Raises:
            CandlesUnavailableError: The exchange cannot be asked.
        """
        kept_until, candles = self._kept.get(symbol, (0.0, []))
        if time.monotonic() >= kept_until:
            candles = self._fetch(symbol)
            self._kept[symbol] = (time.monotonic() + _KEEP_SECONDS, candles)
        return candles

    def _fetch(self, symbol: str) -> list[Candle]:
        query = {"symbol": symbol, "interval": "1s", "limit": str(_LIMIT)}
        try:
            answer = self._session.get(self._url, params=query, timeout=_TIMEOUT_SECONDS)
            if answer.status_code == requests.codes.bad_request:
                return []
            answer.raise_for_status()
            # Binance, "Kline/Candlestick data": [open time, open, high, low, close, ...]
            return [Candle(open_time=int(row[0]), close=float(row[4])) for row in answer.json()]
        except (requests.RequestException, ValueError, TypeError, LookupError) as error:
            raise CandlesUnavailableError(f"no candles of {symbol} from {self._url}: {error}") from error
