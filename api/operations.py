"""How the OpenAPI document names the operations, and which lead to which."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

OPERATION_IDS: Mapping[str, str] = {
    "agents.list_agents": "listAgents",
    "agents.start": "startAgent",
    "opening.start_accounts": "startAccounts",
    "agents.pause": "pauseAgent",
    "agents.resume": "resumeAgent",
    "agents.stop": "stopAgent",
    "agents.status": "getAgentStatus",
    "agents.profile": "getAgentProfile",
    "agents.positions": "getAgentPositions",
    "agents.reset_breakers": "resetAgentBreakers",
    "signals.post_signal": "sendSignal",
    "measures.agent_metrics": "getAgentMetrics",
    "measures.agent_equity": "getAgentEquity",
    "measures.account_equity": "getAccountEquity",
    "accounts.list_accounts": "listAccounts",
    "accounts.account": "getAccount",
    "accounts.transactions": "listAccountTransactions",
    "accounts.trades": "listAccountTrades",
    "accounts.performance": "listAccountPerformance",
    "flows.deposit": "depositToAccount",
    "flows.withdraw": "withdrawFromAccount",
    "flows.close": "closeAccount",
    "flows.list_withdrawals": "listWithdrawals",
    "flows.withdrawal": "getWithdrawal",
    "records.decisions": "listDecisions",
    "records.orders": "listOrders",
    "records.trades": "listTrades",
    "audit.list_audit_log": "listAuditLog",
    "trading.show": "getTradingState",
    "trading.halt": "haltTrading",
    "trading.reduce": "reduceTrading",
    "trading.activate": "activateTrading",
    "trading.reset_breakers": "resetServiceBreakers",
    "reconciliation.latest": "getReconciliation",
    "reconciliation.request_run": "requestReconciliation",
    "reconciliation.show": "getReconciliationRun",
    "subscriptions.list_events": "listEvents",
    "subscriptions.subscribe": "createSubscription",
    "subscriptions.list_subscriptions": "listSubscriptions",
    "subscriptions.subscription": "getSubscription",
    "subscriptions.unsubscribe": "endSubscription",
    "subscriptions.rotate_secret": "rotateSubscriptionSecret",
    "subscriptions.list_deliveries": "listDeliveries",
    "subscriptions.replay": "replayDelivery",
    "webhooks.receive_ml_signal": "receiveMlSignal",
    "operations.health": "getHealth",
    "operations.ready": "getReadiness",
    "operations.metrics": "getPrometheusMetrics",
}
"""By Flask's endpoint. Clients are generated from these: they stay when a view is renamed."""


MORE_ERRORS: Mapping[str, tuple[HTTPStatus, ...]] = {
    "receiveMlSignal": (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND),
}
"""By operation id, errors that its parameters do not give away: the webhook is signed, and names the agent in its body."""


@dataclass(frozen=True, slots=True)
class Link:
    """What an answer can be followed by.

    Attributes:
        statuses: of the answers that lead there.
        target: id of the operation it leads to.
        parameters: its parameters, as runtime expressions over the answer.
    """

    statuses: tuple[str, ...]
    target: str
    parameters: Mapping[str, str]


_AGENT = {"agent": "$response.body#/agent"}
_AGENTS_ACCOUNT = _AGENT | {"query.account_id": "$response.body#/account_id"}
_ACCOUNT = {"account_id": "$response.body#/account_id"}
_WITHDRAWAL = _ACCOUNT | {"reference_id": "$response.body#/reference_id"}
_RUN = {"run_id": "$response.body#/id"}
_SIGNAL = {"signal_id": "$response.body#/signal_id"}

LINKS: Mapping[str, tuple[Link, ...]] = {
    "startAgent": (
        *(
            Link(("200",), target, _AGENTS_ACCOUNT)
            for target in ("getAgentStatus", "getAgentMetrics", "getAgentPositions", "pauseAgent", "stopAgent")
        ),
        *(
            Link(("200",), target, _ACCOUNT)
            for target in ("getAccount", "depositToAccount", "withdrawFromAccount", "closeAccount")
        ),
        Link(("200",), "sendSignal", _AGENT),
    ),
    "startAccounts": tuple(
        Link(("200",), target, _AGENT) for target in ("getAgentStatus", "getAgentPositions", "sendSignal", "stopAgent")
    ),
    "pauseAgent": (Link(("200",), "resumeAgent", _AGENT), Link(("200",), "getAgentStatus", _AGENT)),
    "stopAgent": (Link(("200",), "getAgentStatus", _AGENT), Link(("200",), "startAgent", _AGENT)),
    "sendSignal": (Link(("200", "202"), "listDecisions", _SIGNAL),),
    "depositToAccount": (
        Link(("200",), "listAccountTransactions", _ACCOUNT),
        Link(("200",), "withdrawFromAccount", _ACCOUNT),
    ),
    "withdrawFromAccount": (
        Link(("200", "202"), "getWithdrawal", _WITHDRAWAL),
        Link(("200", "202"), "listWithdrawals", _ACCOUNT),
    ),
    "closeAccount": (
        Link(("200", "202"), "getWithdrawal", _WITHDRAWAL),
        Link(("200", "202"), "getAccount", _ACCOUNT),
    ),
    "requestReconciliation": (Link(("202",), "getReconciliationRun", _RUN),),
}
"""By operation id. They let a reader, and the fuzzer, follow an agent or account through its life."""
