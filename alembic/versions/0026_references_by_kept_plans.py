"""A reference that is looked up alone is looked up by a plan that is kept.

One expression for all three tables costs less than the sum of them once it is known which is meant, so PostgreSQL planned it anew
for each reference, a dozen times per signal. An expression for each table is planned once per connection.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

IS_KNOWN = """
CREATE OR REPLACE FUNCTION trading.is_known(parent text, key text) RETURNS boolean LANGUAGE plpgsql STABLE STRICT
-- The plan is kept, and a table that was small when it was made may be large by now.
SET enable_seqscan = off AS $$
BEGIN
    {look}
END $$
"""
EACH = """IF parent = 'accounts' THEN
        RETURN EXISTS (SELECT FROM trading.accounts WHERE id = key);
    ELSIF parent = 'agents' THEN
        RETURN EXISTS (SELECT FROM trading.agents WHERE name = key);
    ELSIF parent = 'orders' THEN
        RETURN EXISTS (SELECT FROM trading.orders WHERE id = CAST(key AS bigint));
    END IF;
    RETURN NULL;"""
TOGETHER = """RETURN CASE parent
        WHEN 'accounts' THEN EXISTS (SELECT FROM trading.accounts WHERE id = key)
        WHEN 'agents' THEN EXISTS (SELECT FROM trading.agents WHERE name = key)
        WHEN 'orders' THEN EXISTS (SELECT FROM trading.orders WHERE id = CAST(key AS bigint))
    END;"""
"""As in revision 0019."""


def upgrade() -> None:
    op.execute(IS_KNOWN.format(look=EACH))


def downgrade() -> None:
    op.execute(IS_KNOWN.format(look=TOGETHER))
