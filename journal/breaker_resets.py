"""An operator's reset of breakers: they end, and the losses that tripped them are forgotten."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.errors import NotFoundError
from journal import audit_log
from journal.control import lock_account_of, lock_agent
from journal.judging_statements import WORTH
from journal.preconditions import Precondition, whatever_it_was

END = """
UPDATE trading.breakers SET ended_at = clock_timestamp(), ended_by = :actor
WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AND {which}
RETURNING scope, subject, kind
"""
OF_ACCOUNT = "account_id = :account"
OF_AGENT = (
    "(scope = 'agent' AND agent = :agent OR account_id IN (SELECT id FROM trading.accounts WHERE agent = :agent))"
)
OF_SERVICE = "scope = 'service'"

BEGIN_ACCOUNTS_ANEW = f"""{WORTH}
UPDATE trading.accounts a
SET peak_equity = w.equity, day_equity = w.equity, equity_day = current_date, version = a.version + 1
FROM worth w WHERE a.id = w.id AND a.id = ANY(:accounts)
"""  # noqa: S608 - our own text
BEGIN_AGENT_ANEW = f"""{WORTH}
UPDATE trading.agents SET equity = w.equity, peak_equity = w.equity, day_equity = w.equity, equity_day = current_date
FROM (SELECT coalesce(sum(equity), 0) AS equity FROM worth) w WHERE name = :agent
"""  # noqa: S608 - our own text
BEGIN_SERVICE_ANEW = """
UPDATE trading.service_state
SET peak_equity = a.equity, day_equity = a.equity, equity_day = current_date, version = version + 1
FROM (SELECT coalesce(sum(equity), 0) AS equity FROM trading.agents) a
"""


def reset(
    session: Session,
    agent: str,
    account_id: str | None,
    *,
    actor: str,
    precondition: Precondition = whatever_it_was,
) -> int:
    """End the breakers of one account, or of an agent and all its accounts; those who had one begin anew from today's equity.

    Args:
        session: the open unit of work.
        agent: a known agent's name.
        account_id: the account meant, or None for the agent and all its accounts.
        actor: who asks, for the audit log.
        precondition: of the account, or of the agent as a whole.

    Returns:
        How many ended.

    Raises:
        NotFoundError: the agent was never started, or has no such account.
    """
    row = lock_agent(session, agent)
    if row is None:
        raise NotFoundError(f"agent {agent} was never started")
    account = lock_account_of(session, agent, account_id) if account_id is not None else None
    precondition(row.revision if account is None else account.version)
    which = OF_AGENT if account_id is None else OF_ACCOUNT
    ended = _end(session, which, actor, agent=agent, account=account_id)
    accounts = sorted({subject for scope, subject, _ in ended if scope == "account"})
    if accounts:
        session.execute(text(BEGIN_ACCOUNTS_ANEW), {"agent": agent, "accounts": accounts})
    if any(scope == "agent" for scope, _, _ in ended):
        session.execute(text(BEGIN_AGENT_ANEW), {"agent": agent})
    if ended:
        row.revision += 1
        row.leeway_version = None
    _record(session, ended, agent, account_id, actor)
    return len(ended)


def reset_service(session: Session, *, actor: str, precondition: Precondition = whatever_it_was) -> int:
    """End the breakers of the whole service, which begins anew from today's equity; how many ended.

    Args:
        session: the open unit of work.
        actor: who asks, for the audit log.
        precondition: of the switch.
    """
    precondition(session.scalar(text("SELECT version FROM trading.service_state FOR UPDATE")))
    ended = _end(session, OF_SERVICE, actor)
    if ended:
        session.execute(text(BEGIN_SERVICE_ANEW))
    _record(session, ended, None, None, actor)
    return len(ended)


Ended = list[tuple[str, str, str]]
"""Scope, subject and kind."""


def _end(session: Session, which: str, actor: str, **parameters: str | None) -> Ended:
    rows = session.execute(text(END.format(which=which)), {"actor": actor, **parameters})
    return sorted((row.scope, row.subject, row.kind) for row in rows)


def _record(session: Session, ended: Ended, agent: str | None, account_id: str | None, actor: str) -> None:
    standing = {
        f"{scope} {kind}": str(sum(1 for s, _, k in ended if (s, k) == (scope, kind))) for scope, _, kind in ended
    }
    audit_log.record(
        session, actor=actor, action="reset breakers", agent=agent, account_id=account_id, before=standing, after={}
    )
