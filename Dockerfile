# One image for every part of the service; docker-compose.yml names the part by its command.
FROM python:3.11-slim AS packages
COPY requirements.txt /tmp/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --requirement /tmp/requirements.txt

FROM python:3.11-slim
# The number rather than a name lets Kubernetes verify that it is not root.
RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin trading
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/trading-agents
COPY alembic.ini ./
COPY alembic alembic
COPY agents agents
COPY adapters adapters
COPY journal journal
COPY runtime runtime
COPY tasks tasks
COPY api api
# Nothing is written outside /tmp and /dev/shm: the root file system can be read-only.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp HOST=0.0.0.0 PORT=8003
USER 10001
EXPOSE 8003
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]
# Without --bind, gunicorn listens on every address at $PORT.
CMD ["gunicorn", "--worker-class", "gthread", "--threads", "16", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-", "--config", "python:api.serving", "api.app:create_app()"]
