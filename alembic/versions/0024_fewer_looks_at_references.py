"""References of many rows are checked by two looks at them, one for accounts and one for all else; as strict as before.

A statement's rows name few orders and agents, whatever their number, so what is named is put together once for all columns. Accounts
are read one after another: an index-only scan, which the planner takes for cheap after a vacuum, goes to every row that an order just
changed, through the index.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

CHECK = """
CREATE OR REPLACE FUNCTION trading.check_references() RETURNS trigger LANGUAGE plpgsql {settings} AS $$
DECLARE
    first_rows CONSTANT bigint := (SELECT count(*) FROM (SELECT FROM written LIMIT 100) first_rows);
    {variables}
    missing text;
BEGIN
    IF first_rows = 0 THEN
        RETURN NULL;
    END IF;
    FOR n IN 0 .. TG_NARGS - 1 BY 3 LOOP
        IF first_rows < 100 THEN
            SELECT min(one.written ->> TG_ARGV[n]) INTO missing FROM (SELECT to_jsonb(w) AS written FROM written w) one
            WHERE NOT trading.is_known(TG_ARGV[n + 1], one.written ->> TG_ARGV[n]);
        ELSIF TG_ARGV[n + 1] = 'accounts' THEN
            EXECUTE format('SELECT min(w.%1$I) FROM written w
                            WHERE NOT EXISTS (SELECT FROM trading.%2$I p WHERE p.%3$I = w.%1$I) AND w.%1$I IS NOT NULL',
                           TG_ARGV[n], TG_ARGV[n + 1], TG_ARGV[n + 2]) INTO missing;
        ELSE
            {others}
        END IF;
        IF missing IS NOT NULL THEN
            RAISE foreign_key_violation USING
                MESSAGE = format('insert or update on table "%s" violates foreign key constraint "fk_%s_%s"',
                                 TG_TABLE_NAME, TG_TABLE_NAME, TG_ARGV[n]),
                DETAIL = format('Key (%s)=(%s) is not present in table "%s".', TG_ARGV[n], missing, TG_ARGV[n + 1]),
                SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,
                CONSTRAINT = format('fk_%s_%s', TG_TABLE_NAME, TG_ARGV[n]);
        END IF;
    END LOOP;
    RETURN NULL;
END $$
"""
TOGETHER = {
    "settings": "SET enable_indexonlyscan = off",
    "variables": "named jsonb;",
    "others": """IF named IS NULL THEN
                EXECUTE format('SELECT jsonb_agg(to_jsonb(d)) FROM (SELECT DISTINCT %s FROM written) d',
                               (SELECT string_agg(quote_ident(TG_ARGV[i]), ', ') FROM generate_series(0, TG_NARGS - 1, 3) i
                                WHERE TG_ARGV[i + 1] <> 'accounts')) INTO named;
            END IF;
            SELECT min(d.keys ->> TG_ARGV[n]) INTO missing FROM jsonb_array_elements(named) AS d (keys)
            WHERE NOT trading.is_known(TG_ARGV[n + 1], d.keys ->> TG_ARGV[n]);""",
}
ONE_BY_ONE = {
    "settings": "",
    "variables": "",
    "others": """-- All rows of a statement have nearly the same order and agent.
            EXECUTE format('SELECT min(CAST(value AS text)) FROM (SELECT DISTINCT %1$I AS value FROM written) w
                            WHERE value IS NOT NULL AND (SELECT count(*) FROM trading.%2$I p WHERE p.%3$I = w.value) = 0',
                           TG_ARGV[n], TG_ARGV[n + 1], TG_ARGV[n + 2]) INTO missing;""",
}
"""As in revision 0019."""


def upgrade() -> None:
    op.execute(CHECK.format(**TOGETHER))


def downgrade() -> None:
    op.execute(CHECK.format(**ONE_BY_ONE))
