"""Celery tasks: ``celery -A tasks worker``, ``beat`` and ``flower`` find the application in :mod:`tasks.celery`."""
