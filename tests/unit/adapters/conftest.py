import threading
from collections.abc import Iterator

import pytest

from tests.unit.adapters.misbehaving_server import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    thread = threading.Thread(target=lambda: server.server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.server.shutdown()
    server.server.server_close()
    thread.join()
