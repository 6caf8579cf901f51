"""Into a song by HLS, with the `m3u8` package: nothing here shares code with what wrote the playlists."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import m3u8

from edge_sim.player.connection import ByteRange, Connection
from edge_sim.player.entrance import Entrance, KeyAddress, file_name, understood
from media.errors import ManifestError

IDENTITY, CLEARKEY = "identity", "org.w3.clearkey"
_RANGE = re.compile(r"([0-9]{1,18})(?:@([0-9]{1,18}))?", re.ASCII)
_IV = re.compile(r"0[xX]([0-9A-Fa-f]{1,32})", re.ASCII)  # RFC 8216bis §4.2: hexadecimal-sequence, 128 bits


async def hls(connection: Connection, url: str, rendition: str) -> Entrance:
    """Multivariant playlist, then the media playlist of `rendition`, or of the lowest bandwidth where none is so named.

    Raises `ManifestError`, and what `connection` raises.
    """
    master = playlist(await connection.get("manifest", url), url)
    if not master.playlists:
        raise ManifestError(f"{file_name(url)}: no variant streams; a multivariant playlist is expected")
    variants = sorted(master.playlists, key=lambda item: int(item.stream_info.bandwidth or 0))
    named = [item for item in variants if f"/{rendition}/" in f"/{item.uri}"]
    media_url = urljoin(url, (named or variants)[0].uri)
    media = playlist(await connection.get("playlist", media_url), media_url)
    if not media.segments or media.segments[0].init_section is None:
        raise ManifestError(f"{file_name(media_url)}: no segment with an EXT-X-MAP")
    first = media.segments[0]
    key = openable(media, media_url)
    return Entrance(
        init=urljoin(media_url, first.init_section.uri),
        segment=urljoin(media_url, first.uri),
        key=address(key, media_url) if key is not None else None,
        iv=iv_of(key, media, media_url) if key is not None and key.method == "AES-128" else b"",
        init_range=byte_range(first.init_section.byterange, media_url),
        segment_range=byte_range(first.byterange, media_url),
    )


def openable(media: m3u8.M3U8, url: str) -> m3u8.Key | None:
    """The key of the first segment, out of lines for one system each, that this player can open (RFC 8216bis §4.4.4.4).

    A line replaces the one before with its KEYFORMAT, and METHOD=NONE all of them.
    """
    last = media.segments[0].key
    if last is None:
        return None
    keys: dict[str, m3u8.Key] = {}
    for key in media.keys[: media.keys.index(last) + 1]:
        if key.method == "NONE":
            keys.clear()
        else:
            keys[key.keyformat or IDENTITY] = key
    found = [key for form, key in keys.items() if form in (IDENTITY, CLEARKEY) and key.uri]
    if keys and not found:
        names = ", ".join(map(repr, keys))
        raise ManifestError(f"{file_name(url)}: KEYFORMAT {names} is nothing that this player can open")
    return found[0] if found else None


def address(key: m3u8.Key, url: str) -> KeyAddress:
    return KeyAddress("licence" if key.keyformat == CLEARKEY else "raw", urljoin(url, key.uri))


def byte_range(text: str | None, url: str, follows: int = 0) -> ByteRange | None:
    """A byte range ``n@o`` (RFC 8216bis §4.4.4.2); without ``@o`` it begins where the one before ended, which is `follows`."""
    if text is None:
        return None
    match = _RANGE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ManifestError(f"{file_name(url)}: {text[:40]!r} is no byte range")
    return ByteRange(int(match[2] or follows), int(match[1]))


def iv_of(key: m3u8.Key, media: m3u8.M3U8, url: str) -> bytes:
    """The first segment's IV; without the attribute it is the media sequence number (RFC 8216bis §5.2)."""
    if not key.iv:
        number = int(media.media_sequence or 0)
        if not 0 <= number < 1 << 64:  # §4.2: a decimal-integer
            raise ManifestError(f"{file_name(url)}: no media sequence number: {number}")
        return number.to_bytes(16, "big")
    match = _IV.fullmatch(key.iv)
    if match is None:
        raise ManifestError(f"{file_name(url)}: IV {key.iv!r} is no hexadecimal number of 128 bits")
    return int(match[1], 16).to_bytes(16, "big")


def playlist(content: bytes, url: str) -> m3u8.M3U8:
    with understood(url):
        text = content.decode()
        if not text.startswith("#EXTM3U"):
            raise ManifestError(f"{file_name(url)}: does not begin with #EXTM3U")
        try:
            return m3u8.loads(text, uri=url)
        except m3u8.parser.ParseError as error:
            raise ManifestError(f"{file_name(url)}: {error}") from None
