"""Making the nerve in Redis agree with the book: after every control call, and when it was lost."""

from adapters.queue import TaskQueue
from adapters.state import StateStore
from journal.control import Publication


def publish(publication: Publication, *, state: StateStore, queue: TaskQueue) -> None:
    """Write an agent's state, the trading state, and the agent's place in the beat schedule; safe to repeat.

    Raises:
        redis.exceptions.RedisError: Redis is out of reach; the book stays right and can be published again.
    """
    state.put_trading_state(publication.switch.state, publication.switch.version)
    state.put_agent(publication.agent, publication.status, publication.version)
    if publication.needs_ticks:
        queue.schedule_agent(publication.agent, publication.tick_seconds)
    else:
        queue.unschedule_agent(publication.agent)
