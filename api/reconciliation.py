"""Whether the book agrees with the exchange: the last comparison, and asking for one."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import url_for
from marshmallow import fields

from agents.errors import NotFoundError
from api.auth import actor
from api.blueprint import Blueprint
from api.fields import AnswerSchema, Number, Time, check_flag
from api.schemas import Request
from api.services import services
from journal import audit_log, reconciliation, reconciliation_views
from journal.tokens import Scope

blueprint = Blueprint(
    "reconciliation", __name__, url_prefix="/reconciliation", description="The book compared with the exchange"
)

Answer = Mapping[str, Any]
RESULTS = ["ok", "accepted", "mismatch", "venue_wiped", "busy", "failed"]


class RunBody(Request):
    """What is to be compared."""

    full = fields.Raw(
        load_default=False,
        validate=check_flag,
        metadata={"type": "boolean", "description": "from the book's beginning, not only what is new"},
    )


class Run(AnswerSchema):
    """One run; without a result it is still to be carried out."""

    id = fields.Integer()
    result = fields.String(allow_none=True, metadata={"enum": RESULTS})
    full = fields.Boolean()
    requested_by = fields.String()
    requested_at = Time()
    started_at = Time(allow_none=True)
    finished_at = Time(allow_none=True)
    detail = fields.String(allow_none=True)
    orders = fields.Integer(metadata={"description": "of the book that were compared"})
    fills = fields.Integer()


class Discrepancy(AnswerSchema):
    """One difference."""

    code = fields.String()
    subject = fields.String()
    expected = Number(allow_none=True)
    actual = Number(allow_none=True)
    size = Number()
    detail = fields.String()
    halts = fields.Boolean(metadata={"description": "it is over its tolerance"})
    accepted = fields.Boolean(metadata={"description": "trading was activated in spite of it"})
    since = Time()
    last_seen_at = Time()


class Asset(AnswerSchema):
    """What the exchange holds of an asset, what accounts own of it, and the rest."""

    asset = fields.String()
    venue = Number()
    assigned = Number()
    unassigned = Number()
    at = Time()


class Latest(Run):
    """The last finished run; before the first, nothing but empty lists and the number of differences."""

    compared_at = Time(allow_none=True, metadata={"description": "when something was last compared"})
    standing = fields.Integer(metadata={"description": "number of discrepancies"})
    discrepancies = fields.List(fields.Nested(Discrepancy), metadata={"description": "at most 100, the newest first"})
    assets = fields.List(fields.Nested(Asset))

    def on_bind_field(self, field_name: str, field_obj: fields.Field[object]) -> None:
        """Promise of the run itself nothing: there may have been none."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = field_name in {"compared_at", "standing", "discrepancies", "assets"}


class Requested(AnswerSchema):
    """A run that a worker will carry out."""

    id = fields.Integer()
    status = fields.String(metadata={"enum": ["pending"]})
    status_url = fields.String(metadata={"description": "where its result will be"})


@blueprint.route("")
@blueprint.response(200, Latest)
def latest() -> Answer:
    """The last comparison, every difference that stands, and what belongs to no account."""
    with services().book.reading() as session:
        return reconciliation_views.latest(session)


@blueprint.route("", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(RunBody, required=False)
@blueprint.response(202, Requested)
def request_run(body: Answer) -> tuple[Answer, int, Mapping[str, str]]:
    """Have the book compared with the exchange now."""
    with services().book.unit_of_work() as session:
        run_id = reconciliation.request(session, requested_by=actor(), is_full=body["full"])
        asked = {"reconciliation": str(run_id), "full": str(body["full"]).lower()}
        audit_log.record(
            session, actor=actor(), action="reconcile", agent=None, account_id=None, before={}, after=asked
        )
    services().queue.announce_reconciliation(run_id)
    status_url = url_for("reconciliation.show", run_id=run_id)
    answer = {"id": run_id, "status": "pending", "status_url": status_url}
    return answer, HTTPStatus.ACCEPTED, {"Location": status_url}


@blueprint.route("/<int(max=9223372036854775807):run_id>")
@blueprint.response(200, Run)
def show(run_id: int) -> Answer:
    """One run, carried out or not."""
    with services().book.reading() as session:
        found = reconciliation_views.run(session, run_id)
    if found is None:
        raise NotFoundError(f"there is no reconciliation {run_id}")
    return found
