"""A complete VCL for Varnish 6 and 7, and how to start it. No VMOD but ``std``.

Varnish cannot check our tokens: the request first goes to the verifier (`tonearm edge`) as ``/verify``, and starts again with its own
address when the answer was 204. A yes is kept as long as the verifier allows, under listener, token and version. It collapses equal misses by itself and serves ranges out of whole objects.

How long an object lives, and how long it may be served while it is fetched anew (RFC 5861 §3), is the origin's to say. When the origin
fails, the request starts once more and takes what is up to a day too old. Open-source Varnish speaks no TLS to backends.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.errors import SettingsError
from media.serving import CORS, PREFLIGHT
from origin.edges import OBJECT, PART, PUBLIC, SIGNED, Upstream


@dataclass(frozen=True, slots=True)
class Varnish:
    """`listen` is ``ADDRESS:PORT`` or ``:PORT``, `cache` a folder of Varnish's own, `size` its budget in bytes."""

    origin: Upstream
    verifier: Upstream
    listen: str
    cache: str
    size: int
    api: Upstream | None = None


def command(settings: Varnish) -> list[str]:
    """How to start it, without the file's name behind ``-f``."""
    storage = f"file,{settings.cache}/objects.bin,{max(1, settings.size // 1_048_576)}M"
    return ["varnishd", "-a", settings.listen, "-s", storage, "-f"]


def vcl(settings: Varnish) -> str:
    """Raises `SettingsError` for an upstream behind TLS."""
    backends = {"origin": settings.origin, "verifier": settings.verifier, "api": settings.api}
    return "\n".join(
        [
            _HEAD.format(command=" ".join(command(settings))),
            *(_backend(name, server) for name, server in backends.items() if server),
            _RECV.format(
                token=SIGNED,
                object=OBJECT,
                public=PUBLIC,
                part=PART,
                api=_API.format(token=SIGNED) if settings.api else "",
            ),
            _REST,
            "sub tonearm_headers {",
            *(f'    set resp.http.{name} = "{value}";' for name, value in CORS.items()),
            "}",
            "",
            "sub tonearm_preflight {",
            *(f'    set resp.http.{name} = "{value}";' for name, value in PREFLIGHT.items()),
            "}",
            _DELIVER,
        ]
    )


def _backend(name: str, server: Upstream) -> str:
    if server.tls:
        raise SettingsError(f"{name} https://{server.authority}: Varnish speaks no TLS to servers behind it")
    return f"""\
backend {name} {{
    .host = "{server.host.strip("[]")}";
    .port = "{server.port}";
    .host_header = "{server.authority}";
    .connect_timeout = 2s;
    .first_byte_timeout = 10s;
    .between_bytes_timeout = 10s;
}}
"""


_HEAD = """\
# Varnish in front of a Tonearm origin, written by `tonearm edge-config varnish`. Start it with this file's name behind:
# {command}
vcl 4.1;

import std;
"""

_API = """
    if (req.url ~ "^(?:/v1/|{token}/(?:licence|keys)/)") {{
        set req.backend_hint = api;
        return (pass);
    }}"""

_RECV = """\
sub vcl_recv {{
    if (req.restarts == 0) {{
        # What we tell ourselves by header, nobody else may.
        unset req.http.X-Tonearm-Leg;
        unset req.http.X-Tonearm-Verified;
        unset req.http.X-Tonearm-Old;
        unset req.http.X-Tonearm-Stale;
        unset req.http.X-Tonearm-Fetch;
        unset req.http.X-Tonearm-Range;
        unset req.http.X-Original-URI;
        set req.http.X-Real-IP = client.ip;
    }}
    if (req.method == "OPTIONS") {{
        return (synth(204));
    }}
    if (req.url == "/healthz") {{
        return (synth(200));
    }}{api}
    if (req.method != "GET" && req.method != "HEAD") {{
        return (synth(405));
    }}
    if (req.url ~ "^{public}(?:\\?|$)") {{
        set req.http.X-Tonearm-Verified = "public";
    }}
    if (!req.http.X-Tonearm-Verified) {{
        if (req.url ~ "^/songs/(?:{part}/)+{part}\\.(?:m3u8|mpd)(?:\\?|$)") {{
            # A manifest that was opened by a signed query carries it on: the verifier writes that copy, for one listener.
            set req.backend_hint = verifier;
            return (pass);
        }}
        if (req.url !~ "^(?:{token})?{object}(?:\\?|$)") {{
            return (synth(404));
        }}
        set req.http.X-Tonearm-Leg = "verify";
        set req.http.X-Original-URI = req.url;
        if (req.url ~ "^/t/") {{
            set req.http.X-Tonearm-Who = regsub(req.url, "^/t/([^/]+)(/songs/[^/?]+/[^/?]+).*$", "\\2 \\1");
        }} else {{
            set req.http.X-Tonearm-Who = regsub(req.url, "^(/songs/[^/?]+/[^/?]+)[^?]*", "\\1") + " " + req.http.Cookie;
        }}
        set req.url = "/verify";
        set req.backend_hint = verifier;
        if (req.http.Range) {{
            set req.http.X-Tonearm-Range = req.http.Range;
            unset req.http.Range;
        }}
        set req.grace = 0s;
        return (hash);
    }}
    if (req.http.X-Tonearm-Range) {{
        set req.http.Range = req.http.X-Tonearm-Range;
    }}
    set req.http.X-Tonearm-Leg = "object";
    set req.url = regsub(regsub(req.url, "^{token}", ""), "\\?.*$", "");
    set req.backend_hint = origin;
    unset req.http.Cookie;
    unset req.http.Authorization;
    if (req.http.X-Tonearm-Fetch && !req.http.X-Tonearm-Old) {{
        set req.grace = 0s;
    }} else {{
        set req.grace = 24h;
    }}
    return (hash);
}}
"""

_REST = r"""
sub vcl_hash {
    hash_data(req.url);  # the path in the store; no host, no token, no query
    if (req.http.X-Tonearm-Leg == "verify") {
        hash_data(client.ip);
        hash_data(req.http.X-Tonearm-Who);
    }
    return (lookup);
}

sub vcl_hit {
    if (obj.ttl <= 0s && req.http.X-Tonearm-Leg == "object" && !req.http.X-Tonearm-Old) {
        if (obj.ttl + std.duration(regsub(obj.http.Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1s"), 0s) < 0s) {
            set req.http.X-Tonearm-Fetch = "1";  # too old to show before the origin was asked
            return (restart);
        }
        set req.http.X-Tonearm-Stale = "1";
    }
}

sub vcl_backend_fetch {
    if (bereq.backend == origin) {
        unset bereq.http.X-Original-URI;
        unset bereq.http.X-Real-IP;
    }
    unset bereq.http.X-Tonearm-Leg;
    unset bereq.http.X-Tonearm-Verified;
    unset bereq.http.X-Tonearm-Who;
    unset bereq.http.X-Tonearm-Range;
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        if (bereq.is_bgfetch) {
            return (abandon);  # what is there is better
        }
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        return (deliver);
    }
    if (bereq.backend == origin && beresp.http.Content-Type ~ "^application/(vnd.apple.mpegurl|dash\+xml|json)") {
        set beresp.do_gzip = true;  # audio does not get smaller
    }
    # RFC 5861 §4, and what RFC 9111 §5.2.2 forbids.
    if (bereq.backend == verifier) {
        set beresp.grace = 0s;  # a yes ends when it says
        set beresp.keep = 0s;
    } elsif (beresp.http.Cache-Control ~ "stale-if-error=[0-9]+") {
        set beresp.grace = std.duration(
            regsub(beresp.http.Cache-Control, ".*stale-if-error=([0-9]+).*", "\1s"), 24h);
    } elsif (beresp.http.Cache-Control ~ "(must|proxy)-revalidate|s-maxage") {
        set beresp.grace = 0s;
    } else {
        set beresp.grace = 24h;
    }
}

sub vcl_backend_error {
    set beresp.http.Content-Type = "application/problem+json";
    set beresp.http.Cache-Control = "no-store";
    set beresp.body = {"{"type":"urn:tonearm:problem:upstream-failed","title":"Service Unavailable","status":503,"detail":"the server behind does not answer" }"};
    return (deliver);
}
"""

_DELIVER = """
sub vcl_deliver {
    if (req.http.X-Tonearm-Leg == "verify" && resp.status == 204) {
        set req.http.X-Tonearm-Verified = "token";
        set req.url = req.http.X-Original-URI;
        return (restart);
    }
    if (req.http.X-Tonearm-Leg == "object" && resp.status >= 500 && !req.http.X-Tonearm-Old) {
        set req.http.X-Tonearm-Old = "1";  # rather old than nothing
        return (restart);
    }
    call tonearm_headers;
    unset resp.http.X-Varnish;
    if (resp.http.Cache-Status) {
        set resp.http.Cache-Status = resp.http.Cache-Status + ", tonearm-varnish";
    } else {
        set resp.http.Cache-Status = "tonearm-varnish";
    }
    # RFC 9211. Who waited for another's fetch is told "hit": Varnish does not say so.
    if (req.http.X-Tonearm-Leg != "object") {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; fwd=bypass";
    } elsif (obj.hits == 0) {
        if (req.http.X-Tonearm-Fetch) {
            set resp.http.Cache-Status = resp.http.Cache-Status + "; fwd=stale";
        } else {
            set resp.http.Cache-Status = resp.http.Cache-Status + "; fwd=uri-miss";
        }
        if (!obj.uncacheable) {
            set resp.http.Cache-Status = resp.http.Cache-Status + "; stored";
        }
    } elsif (req.http.X-Tonearm-Old && obj.ttl <= 0s) {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; fwd=stale; detail=stale-if-error";
    } elsif (req.http.X-Tonearm-Stale) {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; hit; detail=stale-while-revalidate";
    } else {
        set resp.http.Cache-Status = resp.http.Cache-Status + "; hit";
    }
    return (deliver);
}

sub vcl_synth {
    call tonearm_headers;
    set resp.http.Cache-Control = "no-store";
    if (resp.status == 204) {
        call tonearm_preflight;
        set resp.body = "";
    } elsif (resp.status == 200) {
        set resp.body = "";
    } else {
        set resp.http.Content-Type = "application/problem+json";
        set resp.body = {"{"type":"about:blank","title":""} + resp.reason + {"","status":"} + resp.status + {"}"};
    }
    return (deliver);
}
"""
