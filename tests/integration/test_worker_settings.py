"""A worker that could not do its work does not start."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("variable", "value"),
    [("BINANCE_API_KEY", ""), ("DATABASE_URL", "mysql://nowhere"), ("BINANCE_TESTNET", "false"), ("ML_ENGINE_URL", "")],
)
def test_a_worker_with_a_wrong_setting_refuses_to_start_and_names_it(redis_url: str, variable: str, value: str) -> None:
    settings = {
        "DATABASE_URL": "postgresql://nowhere/trading",
        "REDIS_URL": redis_url,
        "ML_ENGINE_URL": "http://127.0.0.1:1",
        "BINANCE_API_KEY": "key",
        "BINANCE_API_SECRET": "secret",
        "BINANCE_TESTNET": "true",
    }

    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "1"],
        env=os.environ | settings | {variable: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert f"worker: {variable}" in done.stderr
