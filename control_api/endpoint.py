"""One operation, described once: served, checked and documented from the same description.

A handler is an async function or method whose parameters say what it needs, by name:

    path, query   a model of `control_api.fields.Parameters`
    body          a model of `control_api.fields.Body`, from JSON
    caller        the account behind the bearer token
    if_match      the version in If-Match, or None
    request       the bare request, for bodies that are not ours to describe

and whose return type says what it answers: a `View`, None (204), or a whole response. So no handler sees anything
unchecked, and `control_api.openapi` cannot say anything else than what `route` does.

    async def read(path: PlaylistPath, caller: Caller) -> PlaylistView: ...
    Operation("GET", "/v1/playlists/{playlist_id}", read, "Read a playlist", access=Access.ACCOUNT)
"""

from __future__ import annotations

import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from aiohttp import web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from media.errors import ApiError

LARGEST_BODY = 64 * 1024
NO_STORE = {"Cache-Control": "no-store"}
_ETAG = re.compile(r'"v([0-9]{1,15})"', re.ASCII)
_NAMES = {"path", "query", "body", "caller", "if_match", "request", "return"}


class Access(Enum):
    ANYONE = "anyone"
    ACCOUNT = "account"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that a request speaks for. `region` is None when nobody said it; a guest has no `email`."""

    account_id: str
    email: str | None
    role: str
    tier: str
    region: str | None


Handler = Callable[..., Awaitable[BaseModel | web.Response | None]]
Authenticate = Callable[[web.Request], Awaitable[Caller]]


@dataclass(frozen=True)
class Operation:
    """`refusals` are the statuses that the handler itself may answer with; the checks around it add theirs."""

    method: str
    path: str
    handler: Handler
    summary: str
    access: Access = Access.ANYONE
    status: int = 200
    refusals: Mapping[int, str] = field(default_factory=dict)
    request_types: tuple[str, ...] = ()  # media types of a body that `body` does not describe
    answer_types: tuple[str, ...] = ()  # and of an answer that the return type does not describe
    answer_words: type[BaseModel] | None = None  # JSON that stands inside such an answer

    def __post_init__(self) -> None:
        if strange := set(self.takes) - _NAMES:
            raise TypeError(f"{self.method} {self.path}: no handler parameter is called {sorted(strange)}")

    @property
    def takes(self) -> Mapping[str, typing.Any]:
        return typing.get_type_hints(self.handler)

    def model(self, name: str) -> type[BaseModel] | None:
        """The model of ``path``, ``query``, ``body`` or ``return``; None when there is none."""
        found = self.takes.get(name)
        return found if isinstance(found, type) and issubclass(found, BaseModel) else None

    @property
    def answers_nothing(self) -> bool:
        return self.takes.get("return") is type(None)

    @property
    def all_refusals(self) -> Mapping[int, str]:
        """What may go wrong: the checks of `route` and the handler's own."""
        found: dict[int, str] = {}
        if self.access is not Access.ANYONE:
            found[401] = "No session, or one that has ended"
        if self.access is Access.ADMIN:
            found[403] = "Only for accounts with the role admin"
        if self.model("query") or self.model("body"):
            found[422] = "A field is not acceptable; `errors` says which and why"
        if self.model("body"):
            found |= {400: "Malformed JSON", 413: "The body is too large", 415: "Not JSON, or compressed"}
        return {**found, **self.refusals}


def route(operation: Operation, authenticate: Authenticate) -> web.RouteDef:
    """The aiohttp route of an operation; with GET comes HEAD (RFC 9110 §9.3.2)."""
    takes = operation.takes
    path, query, body = (operation.model(name) for name in ("path", "query", "body"))

    async def serve(request: web.Request) -> web.StreamResponse:
        arguments: dict[str, object] = {}
        if operation.access is not Access.ANYONE:
            caller = await authenticate(request)
            if operation.access is Access.ADMIN and caller.role != "admin":
                raise ApiError(403, "not-allowed", "this needs an account with the role admin")
            if "caller" in takes:
                arguments["caller"] = caller
        if path is not None:
            try:
                arguments["path"] = path.model_validate(dict(request.match_info))
            except ValidationError:
                raise ApiError(404, "not-found", "nothing has such an id") from None
        if query is not None:
            arguments["query"] = _checked("query", lambda: query.model_validate(_flat(query, request.query)))
        if "if_match" in takes:
            arguments["if_match"] = _version(request.headers.get("If-Match"))
        if body is not None:
            text = await _json_body(request)
            arguments["body"] = _checked("body", lambda: body.model_validate_json(text))
        if "request" in takes:
            arguments["request"] = request
        return _response(operation.status, await operation.handler(**arguments))

    return web.route(operation.method, operation.path, serve)


async def read_body(request: web.Request, largest: int = LARGEST_BODY) -> bytes:
    """The body, or 413 as soon as it proves larger than `largest` bytes, or 415 when it is compressed (RFC 9110 §15.5.16)."""
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiError(
            415, "compressed", "a body here is not compressed", headers={"Accept-Encoding": "identity"}
        )
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > largest:
            raise ApiError(413, "body-too-large", f"a body here has at most {largest} bytes")
    return bytes(body)


async def _json_body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise ApiError(415, "not-json", f"the body must be application/json, not {request.content_type[:80]}")
    return await read_body(request)


def _checked(place: str, validate: Callable[[], BaseModel]) -> BaseModel:
    """What `validate` gives, or 422 with one item a field; the values stay out of it, one may be a password."""
    try:
        return validate()
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(item["type"] == "json_invalid" for item in found):
        raise ApiError(400, "malformed-json", f"the body: {found[0]['msg']}")
    errors = [
        {"in": place, "field": ".".join(map(str, item["loc"])), "detail": item["msg"]} for item in found
    ]
    names = ", ".join(sorted({item["field"] or place for item in errors}))
    raise ApiError(422, "invalid", f"{place}: not acceptable: {names[:200]}", members={"errors": errors[:50]})


def _response(status: int, result: BaseModel | web.Response | None) -> web.Response:
    if isinstance(result, web.Response):
        return result
    if result is None:
        return web.Response(status=204, headers=NO_STORE)
    version = getattr(result, "version", None)
    headers = NO_STORE | ({"ETag": f'"v{version}"'} if isinstance(version, int) else {})
    return web.Response(
        status=status,
        body=result.model_dump_json().encode(),
        content_type="application/json",
        headers=headers,
    )


def _flat(model: type[BaseModel], query: MultiMapping[str]) -> dict[str, object]:
    """One value by name; a list where the field is one, or where a name stands twice (which then is refused)."""
    lists = {name for name, info in model.model_fields.items() if typing.get_origin(info.annotation) is tuple}
    values = {name: query.getall(name) for name in query}
    return {name: found if len(found) > 1 or name in lists else found[0] for name, found in values.items()}


def _version(if_match: str | None) -> int | None:
    """The version that an If-Match names (RFC 9110 §13.1.1); ``*`` is any. A tag that is not ours matches nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    ours = _ETAG.fullmatch(if_match.strip())
    return int(ours[1]) if ours else -1
