"""A book over a real, empty, migrated database."""

from collections.abc import Iterator

import pytest

from journal.database import Book, connect


@pytest.fixture
def book(database_url: str) -> Iterator[Book]:
    engine = connect(database_url)
    yield Book(engine)
    engine.dispose()
