"""One data folder has one launcher, and a taken port is named."""

import os
import socket
from pathlib import Path

import pytest

from sandbox.launcher import single
from sandbox.launcher.settings import LauncherError
from sandbox.launcher.single import claim_port, only_run


def test_a_second_run_on_the_same_data_is_refused_and_the_first_is_named(tmp_path: Path) -> None:
    refused = pytest.raises(LauncherError, match=rf"already running .*\(process {os.getpid()}\)")
    with only_run(tmp_path), refused, only_run(tmp_path):
        pass


def test_a_run_after_the_first_has_ended_is_welcome(tmp_path: Path) -> None:
    for _ in range(2):
        with only_run(tmp_path / "new"):
            assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_taken_port_is_named_with_the_variable_that_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single, "_PATIENCE_SECONDS", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LauncherError, match=rf"port {port} is in use .* set FLOWER_PORT"):
            claim_port("127.0.0.1", port, "FLOWER_PORT")


def test_port_zero_takes_any_free_one() -> None:
    assert 0 < claim_port("127.0.0.1", 0, "PORT") < 65536
