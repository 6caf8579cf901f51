"""What a link is like."""

from __future__ import annotations

from dataclasses import dataclass

from media.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Network:
    """`rtt_ms` without any queue; `kbits` a second towards the listener, `up_kbits` from it (0: the same), of IP packets.

    Each packet is lost with probability `loss`, in either direction. `queue_bytes` wait for the rate at most, what comes
    then is dropped. `jitter_ms` is the most that a packet's way takes longer; packets keep their order.
    """

    rtt_ms: int
    kbits: int
    up_kbits: int = 0
    loss: float = 0.0
    queue_bytes: int = 256_000
    jitter_ms: int = 0

    def __post_init__(self) -> None:
        if not (self.rtt_ms >= 0 and self.kbits > 0 and self.up_kbits >= 0 and self.jitter_ms >= 0):
            raise SettingsError(f"{self}: times are not negative, and a rate is more than nothing")
        if not 0 <= self.loss < 1:
            raise SettingsError(f"{self}: loss is a share, 0 to 1")
        if self.queue_bytes < 1500:
            raise SettingsError(f"{self}: the queue holds not even one packet")

    @property
    def upwards(self) -> int:
        """kbit/s from the listener."""
        return self.up_kbits or self.kbits

    def __str__(self) -> str:
        rate = f"{self.kbits / 1000:g}" + (f"/{self.up_kbits / 1000:g}" if self.up_kbits else "")
        extras = f", {self.loss:.3g} lost" if self.loss else ""
        return f"RTT {self.rtt_ms} ms, {rate} Mbit/s{extras}"


# Where the numbers are from:
# 3g, 4g   WebPageTest's connectivity profiles of those names (www/settings/connectivity.ini.sample)
# wifi     the rates of Firefox's throttling profile "Wi-Fi", before the way of WebPageTest's "Cable", 28 ms
# lossy    BrowserStack's profile "3.5g-hspa-lossy"
NETWORKS = {
    "wifi": Network(rtt_ms=28, kbits=30_000, up_kbits=15_000),
    "4g": Network(rtt_ms=170, kbits=9_000),
    "3g": Network(rtt_ms=300, kbits=1_600, up_kbits=768),
    "lossy": Network(rtt_ms=190, kbits=900, up_kbits=200, loss=0.01),
}
