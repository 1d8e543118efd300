"""The supervisor starts children in order, starts again what ended, and stops in reverse order."""

from pathlib import Path

import pytest

from sandbox.embedded import ServerError
from sandbox.launcher.supervisor import Supervisor


class FakeChild:
    """A child that writes down what is done to it."""

    def __init__(self, name: str, diary: list[str], *, works: bool = True) -> None:
        self.name = name
        self.log = Path(f"{name}.log")
        self.alive = False
        self._diary = diary
        self._works = works

    def start(self) -> None:
        self._diary.append(f"start {self.name}")
        self.alive = True

    def wait_ready(self) -> None:
        if not self._works:
            raise ServerError(f"{self.name} does not work")

    def is_alive(self) -> bool:
        return self.alive

    def stop(self) -> None:
        self._diary.append(f"stop {self.name}")
        self.alive = False


@pytest.fixture
def diary() -> list[str]:
    return []


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Supervisor:
    return Supervisor(said.append)


def test_what_started_last_stops_first(supervisor: Supervisor, diary: list[str]) -> None:
    supervisor.start(FakeChild("database", diary))
    supervisor.start(FakeChild("worker", diary))
    supervisor.stop()
    assert diary == ["start database", "start worker", "stop worker", "stop database"]


def test_a_child_that_does_not_work_is_stopped_with_the_rest(supervisor: Supervisor, diary: list[str]) -> None:
    supervisor.start(FakeChild("database", diary))
    with pytest.raises(ServerError, match="worker does not work"):
        supervisor.start(FakeChild("worker", diary, works=False))
    supervisor.stop()
    assert diary[-2:] == ["stop worker", "stop database"]


def test_a_child_that_ended_is_started_again_and_someone_is_told(
    supervisor: Supervisor, diary: list[str], said: list[str]
) -> None:
    beat = FakeChild("beat", diary)
    supervisor.start(beat)
    supervisor.tend()
    assert diary == ["start beat"]
    beat.alive = False
    supervisor.tend()
    assert diary == ["start beat", "start beat"]
    assert said[-1] == "beat ended by itself; starting it again (its words: beat.log)"


def test_a_child_that_keeps_ending_is_not_started_in_a_tight_loop(supervisor: Supervisor, diary: list[str]) -> None:
    beat = FakeChild("beat", diary)
    supervisor.start(beat)
    for _ in range(50):
        beat.alive = False
        supervisor.tend()
    assert len(diary) == 2
