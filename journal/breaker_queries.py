"""Which breakers stand: for entries, for exits, and for whoever asks how an agent or an account stands."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from agents.model import ExitReason
from journal.breaker_models import STANDS
from journal.queries import View, rows

_HELD = f"""
SELECT p.symbol, b.kind
FROM trading.positions p JOIN trading.accounts a ON a.id = p.account_id JOIN trading.breakers b ON {{whose}}
WHERE p.agent = :agent AND p.closed_at IS NULL AND p.exit_order_id IS NULL AND a.kind <> 'dust' AND a.status <> 'stopped'
  AND {STANDS} AND b.action = 'close'
"""  # noqa: S608 - our own text
_SYMBOLS = (
    _HELD.format(whose="b.account_id = a.id")
    + "UNION"
    + _HELD.format(whose="b.scope = 'agent' AND b.agent = :agent")
    + "ORDER BY 1, 2"
)

_OWN = f"""
SELECT b.scope, b.kind, b.action, b.reason, b.tripped_at AS since, b.expires_at, b.agent, b.account_id, 1 AS accounts
FROM trading.breakers b
WHERE {STANDS} AND (b.scope = 'service' OR b.scope = 'agent' AND b.agent = ANY(:agents) OR b.account_id = ANY(:accounts))
"""  # noqa: S608 - our own text
_OF_ALL_ACCOUNTS = f"""
SELECT 'account', b.kind, b.action, count(*) || ' accounts', min(b.tripped_at), max(b.expires_at), a.agent, NULL, count(*)
FROM trading.breakers b JOIN trading.accounts a ON a.id = b.account_id
WHERE {STANDS} AND a.agent = ANY(:wholes)
GROUP BY b.kind, b.action, a.agent
"""  # noqa: S608 - our own text
_IN_ORDER = "ORDER BY since, kind"


def with_breakers(session: Session, views: Sequence[View]) -> list[View]:
    """The views of agents or accounts, each with the list of breakers that keep it from entering.

    An account's are its own, its agent's and the service's; an agent's are its own, the service's, and those
    of its accounts as one per kind.
    """
    parameters = {
        "agents": sorted({view["agent"] for view in views}),
        "accounts": [view["account_id"] for view in views if "account_id" in view],
        "wholes": [view["agent"] for view in views if "account_id" not in view],
    }
    # Where no agent is looked at as a whole, planning for it would cost more than all the rest.
    statement = f"{_OWN} UNION ALL {_OF_ALL_ACCOUNTS}" if parameters["wholes"] else _OWN
    found = rows(session, f"{statement} {_IN_ORDER}", parameters)
    return [{**view, "breakers": [breaker for breaker in found if _concerns(breaker, view)]} for view in views]


def _concerns(breaker: View, view: View) -> bool:
    match breaker["scope"]:
        case "service":
            return True
        case "agent":
            return bool(breaker["agent"] == view["agent"])
        case _ if "account_id" in view:
            return bool(breaker["account_id"] == view["account_id"])
        case _:
            return breaker["account_id"] is None and bool(breaker["agent"] == view["agent"])


def of_service(session: Session) -> list[View]:
    """The whole service's breakers."""
    return rows(session, f"{_OWN} {_IN_ORDER}", {"agents": [], "accounts": []})


def symbols_to_leave(session: Session, agent: str) -> list[tuple[str, ExitReason]]:
    """What accounts hold whose breaker closes positions, and which breaker that is."""
    found = session.execute(text(_SYMBOLS), {"agent": agent})
    return [(symbol, ExitReason(kind)) for symbol, kind in found]
