"""Where events may be sent: which addresses a subscriber may name, and which a connection may end at.

A name says nothing about where it leads, so the address of each connection is judged once more when it is made.
"""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from agents.errors import InvalidInputError

LONGEST_URL = 2000
FIELD = "url"

Address = IPv4Address | IPv6Address

METADATA = tuple(map(ip_network, ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::/32")))
"""Where clouds tell their machines' credentials, beside the link-local addresses."""
PRIVATE_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
PRIVATE_NAME = re.compile(r"[a-z0-9_-]+", re.IGNORECASE)
"""A name without a dot, as containers have on their own network."""
NAME = re.compile(r"[a-z0-9._-]{1,253}", re.IGNORECASE)


def check_url(url: str) -> None:
    """Refuse an address that events must not be sent to.

    Raises:
        InvalidInputError: says what is allowed.
    """
    if len(url) > LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise InvalidInputError(FIELD, f"must be at most {LONGEST_URL} ASCII characters without blanks or backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInputError(FIELD, "must be an http or https URL") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise InvalidInputError(FIELD, "must be an http or https URL")
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError(FIELD, "must not hold credentials: events are signed instead")
    address = address_of(host)
    if address is None and not NAME.fullmatch(host):
        raise InvalidInputError(FIELD, "must name a host or an address")
    if address is not None and is_forbidden(address):
        raise InvalidInputError(FIELD, "must not lead to a link-local, metadata, multicast or reserved address")
    if parts.scheme == "http" and not _is_private_host(host, address):
        raise InvalidInputError(FIELD, "must be https, unless the host is private")


def check_connection(address: str, scheme: str) -> None:
    """Refuse a connection that ended where none may.

    Args:
        address: of the other side.
        scheme: of the URL; plain http stays on private networks.

    Raises:
        InvalidInputError: says why.
    """
    # A link-local address carries the name of its interface after a per cent sign.
    reached = unmapped(ip_address(address.partition("%")[0]))
    if is_forbidden(reached):
        raise InvalidInputError(FIELD, "leads to a link-local, metadata, multicast or reserved address")
    if scheme == "http" and not _is_private(reached):
        raise InvalidInputError(FIELD, "leads to a public address over plain http")


def address_of(host: str) -> Address | None:
    """The address that ``host`` writes out, in any notation that resolvers know; None if it is a name."""
    try:
        return unmapped(ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        # 127.1, 0x7f000001 and 2130706433 are all 127.0.0.1 to a resolver.
        return IPv4Address(socket.inet_aton(host))
    except OSError:
        return None


def unmapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, if there is one."""
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def is_forbidden(address: Address) -> bool:
    """Whether no event may be sent there, by whatever name."""
    if any(address in network for network in METADATA if network.version == address.version):
        return True
    if address.is_loopback:
        return False
    return address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved


def _is_private(address: Address) -> bool:
    return address.is_private or address.is_loopback


def _is_private_host(host: str, address: Address | None) -> bool:
    if address is not None:
        return _is_private(address)
    return PRIVATE_NAME.fullmatch(host) is not None or host.lower().endswith(PRIVATE_SUFFIXES)
