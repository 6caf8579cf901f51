"""The player page: static files, and the one function that finds them.

    app = application("tonearm", web.routes())

The page is at ``/``, its parts at ``/player/{name}``. They are read once, when the routes are made: some hundred
kilobytes. Every answer carries a strong ETag and ``no-cache``, so that a new release is seen with the next load and an
old one costs a 304. The content security policy allows nothing that does not come from this origin: no inline script, no
foreign address; ``blob:`` is what Media Source Extensions play from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent / "player"
PAGE = "index.html"
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'self'",
        "media-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[web.AbstractRouteDef]:
    """GET and HEAD of the page and its parts; any other name under ``/player/`` is a 404."""
    files = [path for path in sorted(FOLDER.iterdir()) if path.suffix in MEDIA_TYPES]
    return [_route("/" if path.name == PAGE else f"/player/{path.name}", path) for path in files]


def _route(url: str, path: Path) -> web.RouteDef:
    body = path.read_bytes()
    etag = hashlib.sha256(body).hexdigest()[:32]

    async def serve(request: web.Request) -> web.Response:
        known = request.if_none_match or ()
        fresh = any(tag.value in (etag, "*") for tag in known)
        response = (
            web.Response(status=304, headers=HEADERS) if fresh else web.Response(body=body, headers=HEADERS)
        )
        response.etag = etag
        if not fresh:
            response.content_type = MEDIA_TYPES[path.suffix]
            response.charset = "utf-8"
        return response

    return web.get(url, serve)
