"""Routes that tell how agents and accounts perform."""

from collections.abc import Mapping
from typing import Any

from api import measure_answers, schemas
from api.blueprint import Blueprint
from api.control import view_of
from api.services import services
from journal import metrics

blueprint = Blueprint("measures", __name__, description="How agents and accounts perform")

Answer = Mapping[str, Any]


@blueprint.route("/agents/<agent:agent>/metrics")
@blueprint.arguments(schemas.AccountQuery, location="query")
@blueprint.response(200, measure_answers.Metrics)
def agent_metrics(query: Answer, agent: str) -> Answer:
    """What an agent or one of its accounts has earned and lost, and at what risk.

    What is not defined, such as a ratio to a loss that never was, is null.
    """
    with services().book.reading() as session:
        return metrics.metrics(session, view_of(session, agent, query.get("account_id")))
