"""Halting all trading because something is wrong that a person must look at."""

from agents.model import TradingState
from journal import switch
from runtime.bootstrap import WorkerServices


def halt(services: WorkerServices, *, reason: str, explanation: str, actor: str) -> bool:
    """Turn the switch to HALTED and tell someone; False if trading is halted for this reason already.

    Raises:
        redis.exceptions.RedisError: the book has it, but Redis is out of reach; rehydrating publishes it.
    """
    with services.book.unit_of_work() as session:
        position = switch.read(session)
        if (position.state, position.reason) == (TradingState.HALTED, reason):
            return False
        turned = switch.turn(session, TradingState.HALTED, reason=reason, actor=actor)
    try:
        services.state.put_trading_state(turned.state, turned.version)
    finally:
        services.alerts.send(f"Trading is halted: {reason}", explanation)
    return True
