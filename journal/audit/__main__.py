"""``python -m journal.audit``: audits the database that DATABASE_URL names."""

import os
import sys

from sqlalchemy.exc import DBAPIError

from agents.errors import BookError
from journal.audit import Finding, findings
from journal.database import Book, connect
from runtime.settings import database_url
from runtime.variables import SettingsError


def main() -> int:
    """Print one line for every rule.

    Returns:
        The exit code: 0 if all are kept, 1 if one is broken, 2 if the book cannot be read.
    """
    try:
        found = _audit(Book(connect(database_url(os.environ), pool_size=1)))
    except SettingsError as error:
        return _unreadable(f"{error}: start `make run`, or say which database to audit")
    except BookError as error:
        return _unreadable(str(error))
    except DBAPIError as error:
        return _unreadable(str(error.orig).strip())
    broken = [finding for finding in found if not finding.ok]
    checked = sum(finding.rows for finding in found)
    sys.stdout.write(f"{len(found)} rules, {checked} checks, {len(broken)} rules broken\n")
    return 1 if broken else 0


def _audit(book: Book) -> list[Finding]:
    found = []
    with book.reading() as session:
        for finding in findings(session):
            sys.stdout.write(f"{finding}\n")
            sys.stdout.flush()
            found.append(finding)
    return found


def _unreadable(problem: str) -> int:
    sys.stderr.write(f"audit: {problem}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
