"""Every number in the book is one: PostgreSQL holds ``NaN >= 0`` to be true, so no other CHECK keeps it out."""

from collections.abc import Iterator

import sqlalchemy as sa

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SCHEMA = "trading"
NUMBERS = """
SELECT c.relname AS table_name, string_agg(format('%I <> ''NaN''', a.attname), ' AND ' ORDER BY a.attnum) AS condition
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = to_regnamespace('trading') AND c.relkind = 'r' AND a.atttypid = to_regtype('numeric')
    AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.relname ORDER BY c.relname
"""


def upgrade() -> None:
    for table, condition in _numbers():
        op.create_check_constraint(_name(table), table, condition, schema=SCHEMA)


def downgrade() -> None:
    for table, _condition in _numbers():
        op.drop_constraint(_name(table), table, schema=SCHEMA)


def _numbers() -> Iterator[tuple[str, str]]:
    for table, condition in op.get_bind().execute(sa.text(NUMBERS)).all():
        yield str(table), str(condition)


def _name(table: str) -> str:
    return op.f(f"ck_{table}_numbers")
