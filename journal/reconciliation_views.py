"""Reconciliation as the API shows it."""

from sqlalchemy.orm import Session

from journal.queries import View, rows

SHOWN = 100
"""So many standing discrepancies are shown, the newest first."""

_RUN = """
SELECT id, result, is_full AS "full", requested_by, requested_at, started_at, finished_at, detail, orders, fills
FROM trading.reconciliations
"""

_STANDING = """
SELECT d.code, d.subject, d.expected, d.actual, d.size, d.detail, d.halts, d.since, d.last_seen_at,
       d.halts AND s.state <> 'HALTED' AND d.since <= s.updated_at AS accepted
FROM trading.discrepancies d CROSS JOIN trading.service_state s
WHERE d.gone_at IS NULL ORDER BY d.id DESC LIMIT :shown
"""

_SUMMARY = """
SELECT (SELECT count(*) FROM trading.discrepancies WHERE gone_at IS NULL) AS standing,
       (SELECT finished_at FROM trading.reconciliations WHERE seen IS NOT NULL ORDER BY id DESC LIMIT 1) AS compared_at
"""


def run(session: Session, run_id: int) -> View | None:
    """One run, finished or not; None if there is no such run."""
    return next(iter(rows(session, f"{_RUN} WHERE id = :id", {"id": run_id})), None)


def latest(session: Session) -> View:
    """The last finished run (nothing but None before the first), what stands, and what belongs to nobody."""
    finished = rows(session, f"{_RUN} WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1", {})
    (summary,) = rows(session, _SUMMARY, {})
    return {
        **(finished[0] if finished else {}),
        **summary,
        "discrepancies": rows(session, _STANDING, {"shown": SHOWN}),
        "assets": rows(
            session,
            "SELECT asset, venue, assigned, amount AS unassigned, at FROM trading.unassigned ORDER BY asset",
            {},
        ),
    }
