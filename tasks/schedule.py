"""What beat sends besides the agents' ticks; each entry expires before the next is due."""

from celery.schedules import crontab, schedule

from adapters.queue import DELIVER_SECONDS, DELIVER_TASK

RESOLVE_SECONDS = 5
SWEEP_SECONDS = 5
REHYDRATE_SECONDS = 15
RECONCILE_SECONDS = 60

PERIODIC = {
    "orders.resolve": {
        "task": "orders.resolve",
        "schedule": schedule(RESOLVE_SECONDS),
        "options": {"expires": RESOLVE_SECONDS},
    },
    "signals.sweep": {
        "task": "signals.sweep",
        "schedule": schedule(SWEEP_SECONDS),
        "options": {"expires": SWEEP_SECONDS},
    },
    "agents.rehydrate": {
        "task": "agents.rehydrate",
        "schedule": schedule(REHYDRATE_SECONDS),
        "options": {"expires": REHYDRATE_SECONDS},
    },
    "exchange.reconcile": {
        "task": "exchange.reconcile",
        "schedule": schedule(RECONCILE_SECONDS),
        "options": {"expires": RECONCILE_SECONDS},
    },
    "events.deliver": {
        "task": DELIVER_TASK,
        "schedule": schedule(DELIVER_SECONDS),
        "options": {"expires": DELIVER_SECONDS},
    },
    "idempotency.forget": {"task": "idempotency.forget", "schedule": crontab(minute=17)},
    "performance.sync": {"task": "performance.sync", "schedule": crontab(hour=0, minute=0)},
}
