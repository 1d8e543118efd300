"""Routes for those who want to be told: subscriptions to events, their deliveries, and the feed of events itself."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from adapters.webhook_addresses import check_url
from agents.errors import NotFoundError
from api import event_schemas as schemas
from api.answers import page_of
from api.auth import actor
from api.blueprint import Blueprint
from api.paging import page
from api.services import profile_of, services
from journal import event_queries, subscriptions
from journal.tokens import Scope

blueprint = Blueprint("subscriptions", __name__, description="Events, and who is told of them")

Answer = Mapping[str, Any]


@blueprint.route("/events")
@blueprint.arguments(schemas.EventsQuery, location="query")
@blueprint.response(200, page_of(schemas.Event, "Events"))
def list_events(query: Answer) -> Answer:
    """What happened, the newest first; with `after`, the oldest first, so that nothing is missed between two calls."""
    if "agent" in query:
        profile_of(query["agent"])
    place: dict[str, int | None] = {"before": query.get("cursor")}
    if "after" in query:
        place = {"after": max(query["after"], query.get("cursor", 0))}
    with services().book.reading() as session:
        return page(
            lambda limit: event_queries.events(
                session, kind=query.get("kind"), agent=query.get("agent"), limit=limit, **place
            ),
            query["limit"],
            "position",
        )


@blueprint.route("/subscriptions", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(schemas.SubscriptionBody)
@blueprint.response(201, schemas.SubscriptionWithSecret)
def subscribe(body: Answer) -> Answer:
    """Have events sent to an address from now on; the answer is the only one that shows the secret."""
    check_url(body["url"])
    with services().book.unit_of_work() as session:
        row, secret = subscriptions.create(
            session, url=body["url"], kinds=body.get("events"), secret=body.get("secret"), actor=actor()
        )
        return {**_known(session, row.id), "secret": secret}


@blueprint.route("/subscriptions")
@blueprint.arguments(schemas.SubscriptionsQuery, location="query")
@blueprint.response(200, page_of(schemas.Subscription, "Subscriptions"))
def list_subscriptions(query: Answer) -> Answer:
    """Who is told of events, ended ones included."""
    with services().book.reading() as session:
        return page(
            lambda limit: event_queries.subscriptions(session, before=query.get("cursor"), limit=limit),
            query["limit"],
            "id",
        )


@blueprint.route("/subscriptions/<uuid:subscription_id>")
@blueprint.response(200, schemas.Subscription)
def subscription(subscription_id: uuid.UUID) -> Answer:
    """One subscription."""
    with services().book.reading() as session:
        return _known(session, subscription_id)


@blueprint.route("/subscriptions/<uuid:subscription_id>/end", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.response(200, schemas.Subscription)
def unsubscribe(subscription_id: uuid.UUID) -> Answer:
    """Send it nothing more; what is still to be delivered is given up."""
    with services().book.unit_of_work() as session:
        subscriptions.end(session, subscription_id, actor=actor())
        return _known(session, subscription_id)


@blueprint.route("/subscriptions/<uuid:subscription_id>/rotate-secret", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.arguments(schemas.SecretBody, required=False)
@blueprint.response(200, schemas.SubscriptionWithSecret)
def rotate_secret(body: Answer, subscription_id: uuid.UUID) -> Answer:
    """Have another secret sign; the present one signs too for 24 hours. The one before that ends at once."""
    with services().book.unit_of_work() as session:
        _row, secret = subscriptions.rotate(session, subscription_id, secret=body.get("secret"), actor=actor())
        return {**_known(session, subscription_id), "secret": secret}


@blueprint.route("/subscriptions/<uuid:subscription_id>/deliveries")
@blueprint.arguments(schemas.DeliveriesQuery, location="query")
@blueprint.response(200, page_of(schemas.Delivery, "Deliveries"))
def list_deliveries(query: Answer, subscription_id: uuid.UUID) -> Answer:
    """What was and is to be delivered, the newest event first."""
    with services().book.reading() as session:
        _known(session, subscription_id)
        return page(
            lambda limit: event_queries.deliveries(
                session, subscription_id, status=query.get("status"), before=query.get("cursor"), limit=limit
            ),
            query["limit"],
            "position",
        )


@blueprint.route("/subscriptions/<uuid:subscription_id>/deliveries/<uuid:event_id>/replay", methods=["POST"])
@blueprint.needs(Scope.ADMIN)
@blueprint.response(200, schemas.Delivery)
def replay(subscription_id: uuid.UUID, event_id: uuid.UUID) -> Answer:
    """Deliver an event once more, or one from before the subscription for the first time; it keeps its id."""
    with services().book.unit_of_work() as session:
        subscriptions.replay(session, subscription_id, event_id, actor=actor())
        (asked,) = event_queries.deliveries(session, subscription_id, event_id=event_id, limit=1)
    services().queue.announce_events()
    return asked


def _known(session: Session, subscription_id: uuid.UUID) -> Answer:
    found = event_queries.subscription(session, subscription_id)
    if found is None:
        raise NotFoundError(f"there is no subscription {subscription_id}")
    return found
