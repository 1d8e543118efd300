"""``python -m api.tokens``: makes, lists, rotates and revokes the tokens of the API's callers, in the book that DATABASE_URL names."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import click
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from agents.errors import TradingError
from journal import tokens
from journal.database import Book, connect
from journal.tokens import Scope, Token
from runtime.settings import database_url
from runtime.variables import SettingsError

SHOWN_ONCE = "This is shown once. It counts within 2 seconds."


@click.group()
def main() -> None:
    """Tokens of the control API's callers."""


@main.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    required=True,
    help="What it allows; each includes the ones before it.",
)
@click.option("--expires-in-days", type=click.IntRange(1, 3650), help="Otherwise it stays until it is revoked.")
def create(name: str, scope: str, expires_in_days: int | None) -> None:
    """Make a token called NAME and show its secret."""
    expires_in = None if expires_in_days is None else timedelta(days=expires_in_days)
    with _unit_of_work() as session:
        secret = tokens.create(session, name, Scope(scope), expires_in=expires_in, actor=_actor())
    _show(secret)


@main.command("list")
def list_tokens() -> None:
    """Show all tokens, without their secrets."""
    with _unit_of_work() as session:
        every = tokens.every(session)
    for token in every:
        click.echo(f"{token.name}  {token.scope}  since {_moment(token.created_at)}  {_standing(token)}")


@main.command()
@click.argument("name")
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 24 * 90),
    default=24,
    show_default=True,
    help="How long the old secret still works.",
)
def rotate(name: str, overlap_hours: int) -> None:
    """Give the token NAME a new secret and show it."""
    with _unit_of_work() as session:
        secret = tokens.rotate(session, name, overlap=timedelta(hours=overlap_hours), actor=_actor())
    _show(secret)
    click.echo(f"The old secret ends in {overlap_hours} hours at the latest.", err=True)


@main.command()
@click.argument("name")
def revoke(name: str) -> None:
    """End the token NAME at once, all its secrets."""
    with _unit_of_work() as session:
        ended = tokens.revoke(session, name, actor=_actor())
    click.echo(f"{name} is revoked ({ended} {'secret' if ended == 1 else 'secrets'}), everywhere within 2 seconds.")


@contextmanager
def _unit_of_work() -> Iterator[Session]:
    """One transaction; what goes wrong is told in one line."""
    try:
        with Book(connect(database_url(os.environ), pool_size=1)).unit_of_work() as session:
            yield session
    except (SettingsError, TradingError) as error:
        _give_up(str(error))
    except DBAPIError as error:
        _give_up(str(error.orig).strip())
    except SQLAlchemyError as error:
        _give_up(str(error))


def _give_up(problem: str) -> None:
    click.echo(f"tokens: {problem}", err=True)
    sys.exit(2)


def _actor() -> str:
    """Who calls the command, as the audit log names them."""
    return f"command {getpass.getuser()}"


def _show(secret: str) -> None:
    """The secret alone on standard output, so that it can be piped to where it belongs."""
    click.echo(secret)
    click.echo(SHOWN_ONCE, err=True)


def _standing(token: Token) -> str:
    now = datetime.now(UTC)
    if token.revoked_at is not None:
        return f"revoked {_moment(token.revoked_at)}"
    if token.expires_at is None:
        return "in use"
    return f"{'in use until' if token.expires_at > now else 'expired'} {_moment(token.expires_at)}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
