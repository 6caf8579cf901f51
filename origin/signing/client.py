"""The listener's IP address, to which a signature may be bound."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from media.errors import SettingsError, TokenOutOfScope


def packed(client: str) -> bytes:
    """4 or 16 bytes; an IPv4 address that came through an IPv6 socket is itself. Raises `SettingsError`."""
    try:
        address = ip_address(client)
    except ValueError:
        raise SettingsError(f"address {client!r}: no IP address") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.packed
    return address.packed


def spelled(data: bytes) -> str:
    return str(ip_address(data))


def check(bound: str, client: str) -> None:
    """Raises `TokenOutOfScope` unless `client` is whom a signature is bound to; nobody knows who ``""`` is."""
    if not bound:
        return
    try:
        same = packed(bound) == packed(client)
    except SettingsError:
        same = False
    if not same:
        raise TokenOutOfScope("token: it is for another address")
