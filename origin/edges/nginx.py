"""A complete ``nginx.conf``. Nothing but what Debian's nginx-light has: no module of others, no script.

nginx cannot check our tokens: it asks the verifier (`tonearm edge`) with ``auth_request``, on a connection that stays open, keeps a yes as
long as the verifier allows, under listener, token and version, and answers itself. What the directives are for stands beside them in what is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from media.serving import CORS, PREFLIGHT
from origin.edges import PART, PUBLIC, SIGNED, Upstream


@dataclass(frozen=True, slots=True)
class Nginx:
    """`listen` is ``ADDRESS:PORT`` or a port, `cache` a folder of nginx's own, `size` its budget in bytes."""

    origin: Upstream
    verifier: Upstream
    listen: str
    cache: str
    size: int
    api: Upstream | None = None
    access_log: str = ""


def nginx_conf(settings: Nginx) -> str:
    upstreams = {"origin": settings.origin, "verifier": settings.verifier, "api": settings.api}
    log = f'"{settings.access_log}" tonearm' if settings.access_log else "off"
    return "\n".join(
        [
            _HEAD,
            *(_upstream(name, server) for name, server in upstreams.items() if server),
            _HTTP.format(cache=settings.cache, megabytes=max(1, settings.size // 1_000_000), log=log),
            *(_preflight(name, value) for name, value in PREFLIGHT.items()),
            "    server {",
            f"        listen {settings.listen};",
            *_headers(),
            _SERVER,
            _location(
                f'~ "^/t/(?<tonearm_token>[A-Za-z0-9_-]+)(?<tonearm_object>{_OBJECT})$"',
                _VERIFIED,
                _cached(settings.origin),
            ),
            _location(f'~ "^(?<tonearm_object>{PUBLIC})$"', _cached(settings.origin)),
            "        # A manifest that was opened by a signed query carries it on: the verifier writes that copy, for one listener.",
            _location(
                f'~ "^/songs/(?:{PART}/)+{PART}\\.(?:m3u8|mpd)$"', _passed("verifier", settings.verifier)
            ),
            _location(f'~ "^(?<tonearm_object>{_OBJECT})$"', _VERIFIED, _cached(settings.origin)),
            *(
                [_location(f'~ "^(?:/v1/|{SIGNED}/(?:licence|keys)/)"', _passed("api", settings.api))]
                if settings.api
                else []
            ),
            _verify(settings.verifier),
            "    }",
            "}",
            "",
        ]
    )


_HEAD = """\
# nginx in front of a Tonearm origin, written by `tonearm edge-config nginx`.
# Try it: nginx -t -c THIS. nginx's own log has requests with their tokens in it where something fails: keep it to yourself.

worker_processes auto;
error_log stderr warn;

events {
    worker_connections 4096;
}

http {"""

_HTTP = """
    proxy_cache_path "{cache}/objects" levels=1:2 keys_zone=tonearm:64m max_size={megabytes}m inactive=30d use_temp_path=off;
    proxy_cache_path "{cache}/verdicts" levels=1:2 keys_zone=tonearm_verdicts:16m max_size=64m inactive=1m use_temp_path=off;
    proxy_temp_path "{cache}/proxy";
    client_body_temp_path "{cache}/body";
    fastcgi_temp_path "{cache}/fastcgi";
    uwsgi_temp_path "{cache}/uwsgi";
    scgi_temp_path "{cache}/scgi";

    # No token, no query: what a log may know.
    log_format tonearm escape=json '{{"time":"$time_iso8601","method":"$request_method","path":"$tonearm_object","status":$status,'
        '"bytes":$body_bytes_sent,"seconds":$request_time,"cache":"$upstream_cache_status","remote":"$remote_addr",'
        '"request_id":"$request_id"}}';
    access_log {log};

    server_tokens off;
    uninitialized_variable_warn off;  # a set here would run in every subrequest, and empty what a location captured
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush off;  # with it, answers of some tens of kB out of proxy_cache stall
    tcp_nodelay on;
    keepalive_timeout 75s;
    gzip on;  # manifests; audio does not get smaller
    gzip_min_length 1024;
    gzip_proxied any;
    gzip_vary on;
    gzip_types application/vnd.apple.mpegurl application/dash+xml application/json;

    # Cache-Status (RFC 9211). Who waited for another's fetch is told "hit": nginx does not say so.
    # STALE without an answer of the origin's is what was sent while a fetch begins behind it.
    map "$upstream_cache_status:$upstream_status" $tonearm_did {{
        "~^HIT" "hit";
        "~^MISS" "fwd=uri-miss";
        "~^EXPIRED" "fwd=stale";
        "~^REVALIDATED" "fwd=stale; fwd-status=304";
        "~^(?:UPDATING|STALE:-?$)" "hit; detail=stale-while-revalidate";
        "~^STALE" "fwd=stale; detail=stale-if-error";
        default "fwd=bypass";
    }}
    # Who asks for what: a token says all; without one, the query and the cookies do.
    map $tonearm_token $tonearm_credentials {{
        "" "$args $http_cookie";
        default $tonearm_token;
    }}
    map $upstream_http_cache_status $tonearm_before {{
        "" "";
        default "$upstream_http_cache_status, ";
    }}
"""

_SERVER = """
        if ($request_method = OPTIONS) {
            return 204;
        }
        error_page 403 @tonearm_refused;
        error_page 500 =503 @tonearm_unverified;
        error_page 502 504 @tonearm_unreachable;

        location / {
            return 404;
        }

        location = /healthz {
            return 200;
        }
"""

_OBJECT = f"(?<tonearm_version>/songs/{PART}(?:/{PART})?)(?:/{PART})*"

_VERIFIED = """\
            auth_request /_tonearm_verify;
            auth_request_set $tonearm_problem $upstream_http_x_tonearm_problem;"""

_HIDDEN = (*CORS, "Cache-Status")


def _upstream(name: str, server: Upstream) -> str:
    return (
        f"    upstream tonearm_{name} {{\n        server {server.authority};\n        keepalive 64;\n    }}"
    )


def _headers() -> list[str]:
    """On every answer, our own errors too: one place, because a location that adds one header loses all of these."""
    lines = [f'        add_header {name} "{value}" always;' for name, value in CORS.items()]
    lines += [f"        add_header {name} {_variable(name)} always;" for name in PREFLIGHT]
    lines.append('        add_header Cache-Status "${tonearm_before}tonearm-nginx; $tonearm_did" always;')
    lines.append("        add_header Cache-Control $tonearm_no_store always;")
    lines += [f"        proxy_hide_header {name};" for name in _HIDDEN]
    return lines


def _preflight(name: str, value: str) -> str:
    return f'    map $request_method {_variable(name)} {{\n        OPTIONS "{value}";\n        default "";\n    }}'


def _variable(header: str) -> str:
    return f"$tonearm_{header.lower().replace('-', '_')}"


def _location(match: str, *bodies: str) -> str:
    return "\n".join([f"        location {match} {{", *bodies, "        }", ""])


def _connection(name: str, server: Upstream, path: str) -> str:
    lines = [
        f"proxy_pass {'https' if server.tls else 'http'}://tonearm_{name}{path};",
        "proxy_http_version 1.1;",
        'proxy_set_header Connection "";',
        f"proxy_set_header Host {server.authority};",
        "proxy_set_header X-Request-Id $request_id;",
        "proxy_connect_timeout 2s;",
        "proxy_read_timeout 10s;",
    ]
    if server.tls:
        lines += ["proxy_ssl_server_name on;", f"proxy_ssl_name {server.host};"]
    return "\n".join(f"            {line}" for line in lines)


def _cached(origin: Upstream) -> str:
    return (
        _connection("origin", origin, "$tonearm_object")
        + """
            proxy_set_header Cookie "";
            proxy_set_header Authorization "";
            proxy_set_header Accept-Encoding "";
            proxy_cache tonearm;
            proxy_cache_key $tonearm_object;
            proxy_cache_lock on;
            proxy_cache_lock_timeout 10s;
            proxy_cache_lock_age 10s;
            proxy_cache_use_stale error timeout invalid_header http_500 http_502 http_503 http_504;
            proxy_cache_background_update on;  # where the origin allows stale-while-revalidate
            proxy_cache_revalidate on;
            proxy_force_ranges on;
            if ($request_method !~ "^(?:GET|HEAD)$") {
                return 405;
            }"""
    )


def _passed(name: str, server: Upstream) -> str:
    return (
        _connection(name, server, "")
        + """
            proxy_set_header X-Real-IP $remote_addr;
            client_max_body_size 1m;"""
    )


def _verify(verifier: Upstream) -> str:
    return (
        _location(
            "= /_tonearm_verify",
            "            internal;",
            _connection("verifier", verifier, "/verify"),
            """\
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header Range "";
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_cache tonearm_verdicts;
            proxy_cache_key "$remote_addr $tonearm_version $tonearm_credentials";""",
        )
        + _problem(
            "refused", 403, "$tonearm_problem", "Forbidden", "the token or signature does not open this"
        )
        + _problem(
            "unverified", 503, "verifier-unavailable", "Service Unavailable", "tokens cannot be checked now"
        )
        + _problem("unreachable", 502, "upstream-failed", "Bad Gateway", "the origin does not answer")
    )


def _problem(name: str, status: int, slug: str, title: str, detail: str) -> str:
    """RFC 9457, as our own servers answer."""
    body = f'{{"type":"urn:tonearm:problem:{slug}","title":"{title}","status":{status},"detail":"{detail}"}}'
    return _location(
        f"@tonearm_{name}",
        f"""\
            default_type application/problem+json;
            set $tonearm_no_store "no-store";
            return {status} '{body}';""",
    )
