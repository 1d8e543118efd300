"""Sending to a subscriber that does its worst: bounded time, no address that is forbidden, nothing secret in words."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from adapters import webhook_client
from adapters.webhook_addresses import check_connection
from adapters.webhook_client import Answer, send, signature
from agents.errors import InvalidInputError

Talk = Callable[[socket.socket], None]
SECRET = "a-secret-nobody-may-read"


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Talk], str]]:
    """A server of raw bytes: its URL, by how it talks."""
    # A machine that stands still for a while cuts nobody off.
    monkeypatch.setattr(webhook_client, "TIMEOUT_SECONDS", 20)
    listening: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(talk: Talk) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(10)
                    connection.recv(65536)
                    talk(connection)
            except OSError:
                return

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/events"

    yield start
    for server in listening:
        server.close()
    for thread in threads:
        thread.join(15)


def post(url: str) -> Answer:
    return send(url, event_id="e-1", body="{}", secrets=(SECRET,))


def in_time(url: str) -> Answer:
    begun = time.monotonic()
    answer = post(url)
    assert time.monotonic() - begun < 15
    return answer


def test_a_peer_that_trickles_is_cut_off_though_each_byte_comes_in_time(
    peer: Callable[[Talk], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_client, "TIMEOUT_SECONDS", 1)

    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)

    assert in_time(peer(trickle)) == Answer(error="no answer within 1 s")


def test_a_body_without_end_is_not_read(peer: Callable[[Talk], str]) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"a" * 65536)

    answer = in_time(peer(flood))
    assert (answer.status, answer.is_delivered) == (200, True)


@pytest.mark.parametrize(
    "said", [b"", b"no HTTP at all\r\n\r\n", b"HTTP/1.1 999999 No\r\n\r\n", b"HTTP/1.1 200 OK\r\nX"]
)
def test_nonsense_and_silence_are_no_delivery_unless_the_status_says_so(
    peer: Callable[[Talk], str], said: bytes
) -> None:
    def say(connection: socket.socket) -> None:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        # What is closed with something unread is reset, and a reset may overtake the answer.
        while connection.recv(65536):
            pass

    answer = in_time(peer(say))
    assert answer.is_delivered == said.startswith(b"HTTP/1.1 200")
    assert answer.status is not None or answer.error


def test_what_went_wrong_is_told_without_address_and_secret() -> None:
    for url in ("http://127.0.0.1:1/hidden?token=hidden", "http://hidden.invalid.local/", "https://127.0.0.1:1/hidden"):
        answer = post(url)
        assert answer.status is None
        assert answer.error
        assert "hidden" not in answer.error
        assert SECRET not in answer.error


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "168.63.129.16",
        "0.0.0.0",  # noqa: S104 - nothing is bound here
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_connection_may_end_at_a_forbidden_address(address: str, scheme: str) -> None:
    with pytest.raises(InvalidInputError, match="url: leads to"):
        check_connection(address, scheme)


def test_plain_http_stays_on_private_networks_whatever_the_name_said() -> None:
    for address in ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "::1", "fd12::1"):
        check_connection(address, "http")
    check_connection("93.184.216.34", "https")
    with pytest.raises(InvalidInputError, match="plain http"):
        check_connection("93.184.216.34", "http")


def test_every_secret_signs_the_timestamp_and_the_body() -> None:
    one, two = signature(("one", "two"), "1700000000", b'{"id": 1}').split(",")
    assert one == signature(("one",), "1700000000", b'{"id": 1}')
    assert two == signature(("two",), "1700000000", b'{"id": 1}')
    assert len({one, two, signature(("one",), "1700000001", b'{"id": 1}')}) == 3
