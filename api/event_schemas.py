"""What callers send and get about events, subscriptions and deliveries."""

from marshmallow import fields, validate

from adapters.webhook_addresses import LONGEST_URL
from api.fields import AGENT, AnswerSchema, QueryInteger, Time, Whole
from api.schemas import NumberedPageQuery, PageQuery, Request
from journal.event_models import DELIVERED, FAILED, PENDING
from journal.events import Kind

KINDS = [kind.value for kind in Kind]
STATUSES = [PENDING, DELIVERED, FAILED]
URL = Whole("https?://[!-~]+", "an http or https URL of ASCII characters without blanks")
SECRET = Whole("[!-~]{16,128}", "16 to 128 printable ASCII characters without blanks")


class SecretBody(Request):
    """What signs."""

    secret = fields.String(validate=SECRET, metadata={"description": "made up if left out"})


class SubscriptionBody(SecretBody):
    """Where events go, and which."""

    url = fields.String(
        required=True,
        validate=[URL, validate.Length(max=LONGEST_URL)],
        metadata={
            "description": "https, or http to a private host; without credentials; redirects are not followed",
            "example": "https://platform.example/trading-events",
        },
    )
    events = fields.List(
        fields.String(validate=validate.OneOf(KINDS)),
        validate=validate.Length(1, len(KINDS)),
        metadata={"description": "kinds; all, those of later versions included, if left out"},
    )


class SubscriptionsQuery(PageQuery):
    """A page of subscriptions."""

    cursor = fields.UUID(metadata={"description": "`next_cursor` of the page before"})


class DeliveriesQuery(NumberedPageQuery):
    """Which deliveries."""

    status = fields.String(validate=validate.OneOf(STATUSES))


class EventsQuery(NumberedPageQuery):
    """Which events, and from where on."""

    kind = fields.String(validate=validate.OneOf(KINDS))
    agent = fields.String(validate=AGENT)
    after = QueryInteger(
        validate=validate.Range(0, 2**63 - 1),
        metadata={"description": "only events behind this `position`, the oldest first: for catching up"},
    )


class Event(AnswerSchema):
    """Something that happened."""

    id = fields.UUID(metadata={"description": "the same in every delivery"})
    position = fields.Integer(metadata={"description": "its place in the feed"})
    kind = fields.String(metadata={"description": f"{', '.join(KINDS)}; later versions may have more"})
    created_at = Time()
    agent = fields.String(allow_none=True)
    account_id = fields.String(allow_none=True, metadata={"description": "only if it is about one account"})
    data = fields.Dict(keys=fields.String(), metadata={"description": "by kind, see docs/webhooks.md"})


class Subscription(AnswerSchema):
    """Who is told, and how deliveries to it fare."""

    id = fields.UUID()
    url = fields.String()
    events = fields.List(fields.String(), allow_none=True, metadata={"description": "kinds; null: all"})
    active = fields.Boolean(metadata={"description": "false: it was ended"})
    pending = fields.Integer(metadata={"description": "events still to be delivered, counted up to 1000"})
    failures = fields.Integer(metadata={"description": "attempts in a row that failed"})
    failing_since = Time(allow_none=True)
    blocked_until = Time(allow_none=True, metadata={"description": "nothing is tried before"})
    previous_secret_until = Time(allow_none=True, metadata={"description": "until when the secret before signs too"})
    created_at = Time()
    created_by = fields.String()


class SubscriptionWithSecret(Subscription):
    """The same with what signs, which is told this once."""

    secret = fields.String()


class Delivery(AnswerSchema):
    """One event on its way to one subscription."""

    event_id = fields.UUID()
    position = fields.Integer()
    kind = fields.String()
    created_at = Time(metadata={"description": "of the event"})
    status = fields.String(metadata={"enum": STATUSES})
    attempts = fields.Integer(metadata={"description": "since it was asked for, the last time"})
    requested_at = Time()
    next_attempt_at = Time(allow_none=True)
    last_attempt_at = Time(allow_none=True)
    last_status = fields.Integer(allow_none=True, metadata={"description": "HTTP status of the last answer"})
    last_error = fields.String(allow_none=True)
    delivered_at = Time(allow_none=True)
