"""What is already encoded, read into access units: MP4, fragmented MP4, ADTS, FLAC, Ogg.

    encoded = read_file(Path("song.m4a"), name="high")

One file a format; `detect` tells them apart, `track` holds what they share.
"""

from packager.inputs.detect import read, read_file

__all__ = ["read", "read_file"]
