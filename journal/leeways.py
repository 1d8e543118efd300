"""What the last judging of an agent's accounts left behind, read for the next one."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.leeway import Leeway, Memory, Reference
from agents.model import BreakerKind

REMEMBERED = text("""
SELECT l.lowest, l.highest, l.cash, l.symbols, l.quantities, l.bids,
       ARRAY(SELECT m.bid FROM unnest(l.symbols) WITH ORDINALITY AS h (symbol, place)
             LEFT JOIN trading.marks m ON m.symbol = h.symbol ORDER BY h.place) AS marks,
       a.day_equity, a.peak_equity, s.peak_equity AS whole_peak,
       CASE WHEN s.equity_day = current_date THEN s.day_equity ELSE 0 END AS whole_day_equity,
       (SELECT coalesce(sum(o.equity), 0) FROM trading.agents o WHERE o.name <> a.name) AS elsewhere,
       ARRAY(SELECT b.kind FROM trading.breakers b
             WHERE b.scope = 'agent' AND b.subject = a.name AND b.ended_at IS NULL) AS standing,
       ARRAY(SELECT b.kind FROM trading.breakers b WHERE b.scope = 'service' AND b.ended_at IS NULL) AS whole_standing
FROM trading.agents a JOIN trading.leeways l ON l.agent = a.name CROSS JOIN trading.service_state s
WHERE a.name = :agent AND a.leeway_version = a.book_version AND a.equity_day = current_date
""")


def remembered(session: Session, agent: str) -> Memory | None:
    """What the last judging left behind, or None if that is no longer valid."""
    row = session.execute(REMEMBERED, {"agent": agent}).one_or_none()
    if row is None:
        return None
    return Memory(
        leeway=Leeway(row.lowest, row.highest),
        cash=row.cash,
        quantities=dict(zip(row.symbols, row.quantities, strict=True)),
        bids=dict(zip(row.symbols, row.bids, strict=True)),
        marks=dict(zip(row.symbols, row.marks, strict=True)),
        agent=Reference(row.day_equity, row.peak_equity, _kinds(row.standing)),
        service=Reference(row.whole_day_equity, row.whole_peak, _kinds(row.whole_standing)),
        elsewhere=row.elsewhere,
    )


def _kinds(names: Iterable[str]) -> frozenset[BreakerKind]:
    return frozenset(map(BreakerKind, names))
