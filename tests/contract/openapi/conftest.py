"""The application's description of itself, made without any server."""

from typing import Any

import pytest
from flask import Flask

from api.app import create_app
from api.openapi import NOWHERE, document
from runtime.bootstrap import control_services
from runtime.settings import load

Document = dict[str, Any]


@pytest.fixture(scope="session")
def app() -> Flask:
    return create_app(control_services(load(NOWHERE)))


@pytest.fixture(scope="session")
def described(app: Flask) -> Document:
    return document(app)
