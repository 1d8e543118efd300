"""What is asked of :class:`runtime.soon.Soon` is done, once for all who asked before it began."""

from queue import Queue
from threading import Event

from runtime.soon import Soon


def test_those_who_ask_together_share_one_call_and_who_asks_later_gets_another() -> None:
    calls: Queue[None] = Queue()
    soon = Soon(lambda: calls.put(None), "test")

    for _ in range(50):
        soon.ask()
    calls.get(timeout=10)
    assert calls.empty()

    soon.ask()
    calls.get(timeout=10)


def test_who_asks_while_it_is_being_done_gets_a_call_of_its_own_for_that_one_may_have_missed_something() -> None:
    calls: Queue[None] = Queue()
    finish = Event()

    def act() -> None:
        calls.put(None)
        assert finish.wait(10)

    soon = Soon(act, "test")
    soon.ask()
    calls.get(timeout=10)
    soon.ask()
    finish.set()
    calls.get(timeout=10)
