"""Runs the migrations on the database named by DATABASE_URL, one transaction for all of them."""

import os
from logging.config import fileConfig

from sqlalchemy import text

import journal.breaker_models
import journal.event_models
import journal.idempotency_models
import journal.performance_models
import journal.reconciliation_models
import journal.token_models  # noqa: F401 - imported so that the metadata knows their tables
from alembic import context
from journal import flow_models, models, trade_models  # noqa: F401 - imported so that the metadata knows their tables
from journal.database import connect
from journal.locks import AdvisoryLock, hold
from journal.tables import OUTWARD_SCHEMA, SCHEMA, Base
from runtime.settings import database_url


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Compare our schema only: the outward tables may be the platform's own."""
    return type_ != "schema" or name == SCHEMA


def run() -> None:
    """Bring the database to the wanted revision."""
    engine = connect(database_url(os.environ))
    with engine.begin() as connection:
        hold(connection, AdvisoryLock.MIGRATION)
        for schema in (SCHEMA, OUTWARD_SCHEMA):
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            version_table_schema=SCHEMA,
            include_schemas=True,
            include_name=include_name,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.config.config_file_name:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
run()
