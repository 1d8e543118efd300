"""``python -m sandbox.exchange --port 9001 --data DIR``."""

import argparse
from pathlib import Path

from sandbox.exchange.server import ExchangeServer
from sandbox.exchange.settings import SettingError


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.exchange", description="A play exchange with Binance's API."
    )
    parser.add_argument("--port", type=int, default=9001, help="port on 127.0.0.1; 0: a free one")
    parser.add_argument("--data", type=Path, help="folder of the database (default: SANDBOX_DATA or .data/exchange)")
    arguments = parser.parse_args()
    try:
        server = ExchangeServer(arguments.port, arguments.data)
    except SettingError as error:
        parser.error(str(error))
    server.run()


if __name__ == "__main__":
    main()
