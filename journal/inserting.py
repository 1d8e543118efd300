"""Inserting rows that are expected to be new, and correcting those that are not."""

from collections.abc import Mapping

from psycopg2.errors import UniqueViolation
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session


def insert(
    session: Session, statement: str, on_conflict: str, parameters: Mapping[str, object], *, are_new: bool
) -> None:
    """Insert many rows, with ``on_conflict`` for those that are there already.

    Looking each row up first takes as long again as inserting it, so rows that are expected to be new are inserted without; if
    one is there after all, because somebody else wrote it, everything is taken back and done with the clause.

    Args:
        session: the open unit of work.
        statement: an ``INSERT`` without its last clause.
        on_conflict: that clause.
        parameters: of the statement.
        are_new: whether to try it without the clause.
    """
    if are_new:
        try:
            with session.begin_nested():
                session.execute(text(statement), parameters)
        except IntegrityError as error:
            if not isinstance(error.orig, UniqueViolation):
                raise
        else:
            return
    session.execute(text(statement + on_conflict), parameters)
