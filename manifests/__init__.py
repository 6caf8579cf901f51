"""Manifests: values in, text out (HLS multivariant, HLS media, DASH), and their rules: text in, findings out.

Which kinds a presentation is published as depends on its protection alone (docs/decisions/0008).
"""

KINDS = {
    "none": ("hls", "dash"),
    "cenc": ("hls", "hls-identity", "dash"),
    "cbcs": ("hls", "hls-identity", "dash"),
    "aes-128": ("hls",),
}
