"""The trading tests' world, for tests of what compares its parts."""

from tests.integration.trading.conftest import exchange_process, world

__all__ = ["exchange_process", "world"]
