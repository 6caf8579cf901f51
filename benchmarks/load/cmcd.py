"""What a player says of itself with each request: Common Media Client Data in request headers (CTA-5004 §2.1)."""

from __future__ import annotations


def headers(
    *,
    session: str,
    song: str,
    format: str,
    buffer_ms: int,
    bitrate_kbit: int = 0,
    duration_ms: int = 0,
    following: str = "",
    starting: bool = False,
    starved: bool = False,
) -> dict[str, str]:
    """`format` is ``h`` (HLS) or ``o`` (ours); numbers are rounded as §3.2 wants, so that they name nobody.

    >>> headers(session="a", song="s", format="h", buffer_ms=8212, starved=True)["CMCD-Status"]
    'bs'
    """
    media = [f"br={bitrate_kbit}"] if bitrate_kbit else []
    media += [f"d={duration_ms}"] if duration_ms else []
    ask = [f"bl={round(buffer_ms, -2)}"]
    ask += [f'nor="{following}"'] if following else []
    ask += ["su"] if starting else []
    said = {
        "CMCD-Object": ",".join([*media, "ot=a"]),
        "CMCD-Request": ",".join(ask),
        "CMCD-Session": f'cid="{song}",sf={format},sid="{session}",st=v',
    }
    return said | ({"CMCD-Status": "bs"} if starved else {})
