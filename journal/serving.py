"""The set-based statements by which an agent comes to serve accounts: opened, started again, moved from another agent.

Their cost is that of the rows they write, for one account and for ten thousand alike.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from psycopg2.errors import ForeignKeyViolation
from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agents.errors import StaleStateError
from journal import audit_log, events, outward
from journal.database import MANY_ROWS, expect_rows
from journal.direct import Direct

START = "start:"
"""How the reference of the flow that opens an account begins; the account's id follows."""

LOOK = text(f"""
SELECT ARRAY(
    SELECT name FROM trading.agents WHERE name = :agent UNION SELECT agent FROM trading.accounts WHERE id = ANY(:ids)
) AS agents, ({outward.COLUMN_TYPES}) AS types
""")  # noqa: S608 - our own text

LOCK = text("""
SELECT a.id, a.agent, a.status, a.version, a.cash, a.closed_at IS NOT NULL AS is_closed,
       a.reserved > 0 OR EXISTS (
           SELECT FROM trading.positions p WHERE p.account_id = a.id AND p.closed_at IS NULL AND p.quantity > 0
       ) AS holds,
       EXISTS (
           SELECT FROM trading.withdrawals w
           WHERE w.account_id = a.id AND w.kind = 'closing' AND w.status = 'pending'
       ) AS is_closing
FROM trading.accounts a WHERE a.id = ANY(:ids) ORDER BY a.id FOR NO KEY UPDATE OF a
""")

END_ASSIGNMENTS = """
UPDATE trading.assignments SET ended_at = now() WHERE account_id = ANY(:ids) AND ended_at IS NULL AND agent <> :agent
RETURNING account_id
"""
ASSIGN = "INSERT INTO trading.assignments (account_id, agent) SELECT unnest(CAST(:ids AS text[])), :agent"

SERVE = """
WITH asked AS (
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:equities AS numeric[])) WITH ORDINALITY AS t (id, equity, place)
), former AS (
    SELECT * FROM trading.accounts WHERE id = ANY(CAST(:known AS text[]))
), started AS (
    UPDATE trading.accounts a
    SET agent = :agent, status = 'running', version = a.version + 1, close_requested_at = NULL, updated_at = now()
    FROM former f WHERE a.id = f.id
    RETURNING a.id, a.cash, a.version, f.status AS status_before, jsonb_build_object(
        'account_status', f.status, 'account_agent', f.agent, 'cash', CAST(f.cash AS text), 'closed_at', f.closed_at,
        'close_requested_at', f.close_requested_at) AS before
), opened AS (
    INSERT INTO trading.accounts (id, agent, kind, status, version, cash, balance, peak_equity, day_equity, equity_day)
    SELECT id, :agent, CASE id WHEN :house THEN 'house' ELSE 'investor' END, 'running', 1, equity, equity, equity, equity,
           :today
    FROM asked WHERE id NOT IN (SELECT id FROM former) ORDER BY place
    ON CONFLICT DO NOTHING
    RETURNING id, cash, version
), assigned AS (
    INSERT INTO trading.assignments (account_id, agent) SELECT id, :agent FROM opened
), paid_in AS (
    INSERT INTO trading.cash_flows (account_id, flow_type, amount, reference_id, balance_after)
    SELECT id, 'deposit', cash, :start || id, cash FROM opened
), told AS (
    INSERT INTO {transactions} (account_id, transaction_type, amount, balance_before, balance_after, description,
                                reference_type, reference_id)
    SELECT CAST(id AS {id_type}), 'deposit', cash, 0, cash, :description, 'agent_start',
           CASE WHEN length(:start || id) <= :longest_reference THEN CAST(:start || id AS {reference_type}) END
    FROM opened
), served AS (
    SELECT id, cash, version, NULL AS status_before, CAST('{{}}' AS jsonb) AS before FROM opened
    UNION ALL SELECT id, cash, version, status_before, before FROM started
), audited AS (
    INSERT INTO trading.audit_log (actor, action, agent, account_id, before, after)
    SELECT :actor, 'start', :agent, id, CAST(:agent_before AS jsonb) || before,
           CAST(:agent_after AS jsonb) || jsonb_build_object('account_status', 'running', 'account_agent', :agent,
               'cash', CAST(cash AS text), 'closed_at', NULL, 'close_requested_at', NULL)
    FROM served
), announced AS (
    INSERT INTO trading.events (kind, cause, agent, account_id, payload)
    SELECT :kind, 'account ' || id || ' ' || version, :agent, id,
           jsonb_build_object('before', status_before, 'after', 'running', 'action', 'start', 'actor', :actor)
    FROM served
    ON CONFLICT (kind, cause) DO NOTHING
)
SELECT count(*) FROM served
"""
"""All that one start leaves behind; who existed keeps its money, and each account has its lines in audit log and events."""


Known = Mapping[str, Row[Any]]
"""Accounts that exist, by id: ``id, agent, status, version, cash, is_closed, holds, is_closing``."""

PLAN_ANEW = "DISCARD PLANS"
"""Checks of foreign keys keep the plan of a connection's first use. Made while there were a handful of accounts, it reads
all of them for each new row: half a minute for ten thousand."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An account that shall be served, and its first money should it be new."""

    account_id: str
    equity: Decimal


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is looked at before anything is locked.

    ``agents`` are those that serve any of the accounts now, and the one that shall, if it was ever started; ``types`` are
    those of the columns of the platform's table of transactions.
    """

    agents: Collection[str]
    types: Mapping[str, str]


def look(session: Session, agent: str, openings: Sequence[Opening]) -> Surroundings:
    """Look at what a start concerns."""
    values = {"agent": agent, "ids": _ids(openings), "table": outward.TRANSACTIONS}
    row = session.execute(LOOK, values).one()
    return Surroundings(frozenset(row.agents), outward.known_types(row.types, outward.TRANSACTIONS))


def lock_accounts(session: Session, openings: Sequence[Opening]) -> Known:
    """The accounts that exist, by id, held until the unit of work ends. Lock their agents first."""
    return {row.id: row for row in session.execute(LOCK, {"ids": _ids(openings)})}


def misfits(types: Mapping[str, str], openings: Sequence[Opening]) -> Mapping[int, str]:
    """Why ids cannot be held by the platform's table of transactions, whose columns have these types; by position."""
    id_type = types["account_id"]
    reason = f"must be a {id_type} to appear in {outward.TRANSACTIONS}"
    return {n: reason for n, one in enumerate(openings) if not outward.fits(one.account_id, id_type)}


def move(session: Session, agent: str, account_ids: Sequence[str]) -> None:
    """Have accounts of other agents, which are stopped and hold nothing, assigned to ``agent``."""
    values = {"ids": list(account_ids), "agent": agent}
    session.execute(text(END_ASSIGNMENTS), values)
    session.execute(text(ASSIGN), values)


def serve(  # noqa: PLR0913 - what one start leaves behind
    session: Session,
    agent: str,
    openings: Sequence[Opening],
    known: Known,
    *,
    types: Mapping[str, str],
    house: str,
    actor: str,
    before: audit_log.State,
    after: audit_log.State,
) -> None:
    """Open the accounts that are new, start the others again, and tell the platform, the audit log and subscribers.

    Args:
        session: the open unit of work; the accounts that exist are locked and may be started.
        agent: who serves them from now on.
        openings: which accounts, no id twice.
        known: those of them that exist.
        types: of the columns of the platform's table of transactions.
        house: the id that the agent's own account has.
        actor: who asks.
        before: the agent's part of the audit log's state.
        after: the same after the start.

    Raises:
        StaleStateError: one of them was opened by another call at this moment.
        UnknownToPlatformError: the platform's own tables know no such account.
    """
    id_type, reference_type = types["account_id"], types["reference_id"]
    values = {
        "ids": _ids(openings),
        "known": list(known),
        "equities": [one.equity for one in openings],
        "longest_reference": outward.longest_text(reference_type),
        "agent": agent,
        "house": house,
        "today": datetime.now(UTC).date(),
        "start": START,
        "description": f"Opening of the account with agent {agent}",
        "actor": actor,
        "kind": events.Kind.AGENT_STATE_CHANGED.value,
        "agent_before": json.dumps(dict(before)),
        "agent_after": json.dumps(dict(after)),
    }
    expect_rows(Direct.of(session), len(openings))
    if len(openings) >= MANY_ROWS:
        session.execute(text(PLAN_ANEW))
    try:
        served = session.execute(_serving(id_type, reference_type), values).scalar_one()
    except IntegrityError as error:
        if isinstance(error.orig, ForeignKeyViolation):
            raise UnknownToPlatformError(_named(error.orig)) from None
        raise
    if served != len(openings):
        raise StaleStateError("an account was opened by another call at this moment: try again")
    session.info[events.WRITTEN] = True


@lru_cache
def _serving(id_type: str, reference_type: str) -> TextClause:
    """The statement for a table of transactions with columns of these types."""
    return text(SERVE.format(transactions=outward.TRANSACTIONS, id_type=id_type, reference_type=reference_type))


class UnknownToPlatformError(Exception):
    """The platform's own tables know no such account; ``account_id`` is it, as they write it."""

    def __init__(self, account_id: str) -> None:
        super().__init__(account_id)
        self.account_id = account_id


def _named(violation: ForeignKeyViolation) -> str:
    found = re.search(r"\(account_id\)=\((.*)\) is not present", violation.diag.message_detail or "")
    return found[1] if found else ""


def _ids(openings: Sequence[Opening]) -> list[str]:
    return [one.account_id for one in openings]
