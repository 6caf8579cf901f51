"""Signed addresses: one port (`media.ports.UrlSigner`), four kinds, and the gate that asks them.

    tonearm       /t/{token}/songs/…       our own, the default: see `origin.tokens`
    akamai        ?hdnts=exp=…~acl=…~hmac=…   EdgeAuth 2.0
    cloudfront    ?Policy=…&Signature=…&Key-Pair-Id=…   or three cookies
    s3            ?X-Amz-Signature=…       one object, straight from the store

The edge may import this package (pyproject.toml): it verifies what the others sign.
"""
