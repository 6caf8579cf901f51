"""Network namespaces without names. Linux only, and only for root: `missing` says in one line why not.

A namespace belongs to a thread, so each has a thread of its own: sockets and processes made there live in it, wherever they are used
afterwards. It is held by a descriptor; when nobody holds it and nobody lives in it, the kernel takes it away with its devices.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from media.errors import SettingsError

T = TypeVar("T")
MTU = 1500
_CLONE_NEWNET = 0x40000000
_TUN = "/dev/net/tun"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCSIFFLAGS, _SIOCSIFMTU = 0x8916, 0x891C, 0x8914, 0x8922
_UP = 0x41  # IFF_UP | IFF_RUNNING
_DEVICE = "link"


def missing() -> str:
    """Why no link can be emulated here, or nothing when one can."""
    if not hasattr(socket, "AF_PACKET"):
        return "no emulated links: they need Linux"
    if not os.path.exists(_TUN):
        return f"no emulated links: no {_TUN}"
    if os.geteuid() != 0:
        return "no emulated links: they need root"
    try:
        Namespace("198.18.0.1").close()
    except OSError as error:
        return f"no emulated links: {error.strerror or error}"
    return ""


class Namespace:
    """One end of a link: a network that knows itself (loopback) and what its TUN device leads to, a /24 around `address`.

    `tun` is the descriptor that gives and takes this end's packets. Raises `OSError`.
    """

    def __init__(self, address: str, settings: Mapping[str, str] | None = None) -> None:
        self.address = address
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="namespace")
        try:
            self.tun = self.run(self._make, settings or {})
        except BaseException:
            self._thread.shutdown()
            raise

    def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """Something short, done inside."""
        return self._thread.submit(work, *arguments).result()

    def popen(self, arguments: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """A process inside; ending it is the caller's."""
        return self.run(lambda: subprocess.Popen(arguments, **options))

    def tcp(self) -> socket.socket:
        """A TCP socket inside, for use anywhere."""
        return self.run(socket.socket, socket.AF_INET, socket.SOCK_STREAM)

    def listen(self, port: int = 0) -> socket.socket:
        """A TCP socket that listens at `address`; what it accepts is inside, too."""
        listening = self.tcp()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((self.address, port))
        listening.listen(1024)
        return listening

    def close(self) -> None:
        """Let go of it."""
        os.close(self.tun)
        self._thread.shutdown()

    def _make(self, settings: Mapping[str, str]) -> int:
        """The thread leaves for a namespace of its own and furnishes it. Gives the TUN device's descriptor."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, f"unshare: {os.strerror(number)}")
        for name, value in settings.items():
            _set(f"/proc/sys/net/ipv4/{name}", value)
        tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
                _change(control, _SIOCSIFFLAGS, "lo", struct.pack("H", _UP))
                _change(control, _SIOCSIFADDR, _DEVICE, _internet(self.address))
                _change(control, _SIOCSIFNETMASK, _DEVICE, _internet("255.255.255.0"))
                _change(control, _SIOCSIFMTU, _DEVICE, struct.pack("i", MTU))
                _change(control, _SIOCSIFFLAGS, _DEVICE, struct.pack("H", _UP))
        except BaseException:
            os.close(tun)
            raise
        return tun


def _set(path: str, value: str) -> None:
    """Raises `OSError` that names the setting."""
    try:
        with open(path, "w") as setting:
            setting.write(value)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _change(control: socket.socket, request: int, device: str, value: bytes) -> None:
    """netdevice(7): a struct ifreq."""
    fcntl.ioctl(control, request, struct.pack("16s24s", device.encode(), value))


def _internet(address: str) -> bytes:
    """A struct sockaddr_in."""
    return struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))


def require() -> None:
    """Raises `SettingsError` where links cannot be."""
    if reason := missing():
        raise SettingsError(reason)
