"""Who did what: the audit log of control calls."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from api.answers import page_of
from api.blueprint import Blueprint
from api.fields import ACCOUNT_ID, AGENT, AnswerSchema, Time, Whole
from api.paging import scanned_page
from api.schemas import NumberedPageQuery
from api.services import services
from journal import audit_queries
from journal.tokens import Scope

blueprint = Blueprint("audit", __name__, description="Who did what")

WORDS = Whole("[^\\x00-\\x1f\\x7f]{1,100}", "1 to 100 characters without control characters")
FILTERS = ("actor", "action", "agent", "account_id")


class AuditQuery(NumberedPageQuery):
    """Which entries."""

    actor = fields.String(
        validate=WORDS, metadata={"description": "`token NAME`, `open`, `worker` or `command USER`", "example": "open"}
    )
    action = fields.String(validate=WORDS, metadata={"example": "start"})
    agent = fields.String(validate=AGENT)
    account_id = fields.String(validate=ACCOUNT_ID)


class AuditEntry(AnswerSchema):
    """One control call that was carried out, or what a worker did on its behalf."""

    id = fields.Integer()
    at = Time()
    actor = fields.String(metadata={"description": "who"})
    action = fields.String(metadata={"description": "what"})
    agent = fields.String(allow_none=True)
    account_id = fields.String(allow_none=True)
    before = fields.Dict(keys=fields.String(), allow_none=True, metadata={"description": "what it changed, as it was"})
    after = fields.Dict(keys=fields.String(), allow_none=True, metadata={"description": "and as it was then"})


@blueprint.route("/audit")
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, page_of(AuditEntry, "AuditEntries"))
def list_audit_log(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """Who did what, and what it changed, the newest first."""
    filters = {name: query[name] for name in FILTERS if name in query}
    with services().book.reading() as session:
        return scanned_page(
            lambda limit: audit_queries.entries(session, filters, before=query.get("cursor"), limit=limit),
            query["limit"],
            "id",
        )
