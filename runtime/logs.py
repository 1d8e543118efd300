"""One plain format for everything that is logged, on standard error, at any level without secrets."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

AT_LEAST: Mapping[str, int] = MappingProxyType(
    {
        "ccxt": logging.INFO,  # the exchange's key
        "urllib3": logging.INFO,  # signed addresses
        "apprise": logging.INFO,  # addresses that hold the key to somebody's chat
        "sqlalchemy": logging.WARNING,  # whatever is written to or read from the database
        "flower": logging.INFO,  # its password
        "celery.worker.strategy": logging.WARNING,  # no secret, but two lines for every task
    }
)
"""Libraries that say more than anybody may read, with what they would tell below that level."""


def log_plainly(level: str) -> None:
    """Log whatever is at least of ``level``; does nothing where logging is set up already."""
    logging.basicConfig(level=level, format=FORMAT)
    for name, least in AT_LEAST.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))
