"""The rules of RFC 8216bis and of ISO/IEC 23009-1 that our manifests could break: text in, findings out.

    >>> check_media(text, "audio/normal/hls.m3u8")
    [Finding(rule='HLS-21', severity='error', place='audio/normal/hls.m3u8 line 3', text='…')]

Nothing here raises for a manifest, however broken. Rule numbers never change; a new rule gets a new number.
"""

from manifests.rules.mpd import check_mpd
from manifests.rules.playlists import check_media, check_multivariant

__all__ = ["check_media", "check_mpd", "check_multivariant"]
