"""The Celery application of workers, beat and Flower, and the services of each worker process."""

import functools
import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init, worker_ready

from adapters.queue import celery_app
from runtime import settings
from runtime.bootstrap import WorkerServices, worker_services
from runtime.logs import log_plainly
from runtime.variables import SettingsError
from tasks import presence
from tasks.schedule import PERIODIC


def create_app() -> Celery:
    """The application with its tasks and its periodic upkeep; reads the environment, connects to nothing."""
    app = celery_app(settings.redis_url(os.environ))
    app.conf.update(
        imports=["tasks.trading", "tasks.upkeep", "tasks.nightly"],
        beat_schedule=PERIODIC,
        beat_scheduler="redbeat.RedBeatScheduler",
    )
    presence.add_steps(app)
    return app


app = create_app()


@functools.cache
def services() -> WorkerServices:
    """This process's connections, made at first use: after the fork."""
    return worker_services(settings.load(), settings.load_exchange())


@worker_init.connect
def refuse_wrong_settings(**_: Any) -> None:  # noqa: ANN401 - Celery's own arguments
    """Let no worker start that could not do its work.

    Raises:
        SystemExit: a setting is missing or wrong; the message names it.
    """
    try:
        settings.load()
        settings.load_exchange()
    except SettingsError as error:
        raise SystemExit(f"worker: {error}") from None


@setup_logging.connect
def log_as_we_do(**_: Any) -> None:  # noqa: ANN401 - Celery's own arguments
    """In one plain format, at LOG_LEVEL: Celery's own option for the level counts for nothing."""
    log_plainly(settings.log_level(os.environ))


@worker_ready.connect
@beat_init.connect
def recover(**_: Any) -> None:  # noqa: ANN401 - Celery's own arguments
    """A crash is a normal start: rebuild the nerve and resolve what is open, before anything else is due."""
    app.send_task("agents.rehydrate")
    app.send_task("orders.resolve")
