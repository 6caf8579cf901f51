"""The OpenAPI document: valid, complete, and true of what is served."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from control_api.app import Api
from control_api.endpoint import Caller, Operation
from media import start_bundle

METHODS = {"get", "put", "post", "patch", "delete"}


@pytest.fixture
async def document(stranger: Any) -> dict[str, Any]:
    response = await stranger.call("GET", "/openapi.json")
    assert response.status == 200
    found: dict[str, Any] = await response.json()
    return found


async def test_it_is_a_valid_openapi_31_document(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


async def test_what_is_served_is_described_and_the_other_way_round(
    document: dict[str, Any], stranger: Any
) -> None:
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in stranger.client.app.router.routes()
        if route.method != "HEAD"  # comes with every GET
    }
    described = {(method, path) for path, item in document["paths"].items() for method in item}
    assert served == described
    assert len(served) == 28


async def test_every_operation_says_what_goes_in_and_what_comes_out(document: dict[str, Any]) -> None:
    identifiers = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            identifiers.append(operation["operationId"])
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            good = [code for code in operation["responses"] if code.startswith("2")]
            assert len(good) == 1
            assert good == ["204"] or operation["responses"][good[0]]["content"]
            assert ("security" in operation) == ("401" in operation["responses"] and path != "/v1/sessions")
            if "requestBody" in operation and "/t/" not in path:
                assert {"400", "413", "415", "422"} <= set(operation["responses"])
    assert len(set(identifiers)) == len(identifiers)


async def test_answers_are_what_the_document_says(
    document: dict[str, Any], ann: Any, api: Api, publish_song: Callable[..., Awaitable[Any]]
) -> None:
    """A session through most of the API, each answer held against its schema."""
    await publish_song("song-a", artists=("A",), album="B")
    await publish_song("song-b", artists=("A",), lufs=None)
    await api.refresh()

    async def check(method: str, template: str, path: str = "", **options: Any) -> Any:
        response = await ann.call(method, path or template, **options)
        described = document["paths"][template][method.lower()]["responses"]
        if response.status == 204:
            assert "204" in described
            return None
        schema = described[str(response.status)]["content"][response.content_type]["schema"]
        found = await response.json()
        jsonschema.Draft202012Validator(schema | {"components": document["components"]}).validate(found)
        return found

    await check("GET", "/v1/me")
    await check("POST", "/v1/sessions/guest")
    await check("POST", "/v1/accounts", json={"email": "x"})
    await check("GET", "/v1/songs")
    await check("GET", "/v1/songs/{song_id}", "/v1/songs/song-b")
    await check("GET", "/v1/songs/{song_id}", "/v1/songs/song-x")
    await check("GET", "/v1/songs/{song_id}/stream", "/v1/songs/song-b/stream")
    await check("PUT", "/v1/songs/{song_id}/rights", "/v1/songs/song-b/rights", json={})
    await check("GET", "/v1/search", params={"q": "song"})
    await check("GET", "/v1/search")
    await check("GET", "/v1/autocomplete", params={"q": "s"})
    await check("GET", "/v1/recommendations", params={"seed": "song-a"})
    await check("POST", "/v1/plays", json={"song_id": "song-a", "ms_played": 1})
    made = await check("POST", "/v1/playlists", json={"title": "T"})
    one, mine = "/v1/playlists/{playlist_id}", f"/v1/playlists/{made['playlist_id']}"
    body = {"song_id": "song-a"}
    item = (await check("POST", f"{one}/items", f"{mine}/items", json=body))["items"][0]["item_id"]
    await check("PATCH", f"{one}/items", f"{mine}/items", json={"item_id": item, "position": 0})
    await check("PATCH", one, mine, json={}, headers={"If-Match": '"v1"'})
    shared = await check("POST", f"{one}/share", f"{mine}/share")
    await check("GET", "/v1/shared/{share_id}", f"/v1/shared/{shared['share_id']}")
    await check("DELETE", f"{one}/share", f"{mine}/share")
    await check("DELETE", f"{one}/items/{{item_id}}", f"{mine}/items/{item}")
    await check("GET", "/v1/playlists")
    await check("GET", one, mine)
    await check("DELETE", one, mine)
    await check("GET", "/v1/healthz")


async def test_the_words_in_a_start_bundle_are_described_too(
    document: dict[str, Any], ann: Any, api: Api, publish_song: Callable[..., Awaitable[Any]]
) -> None:
    await publish_song("song-a", kid=api.key_store.for_scope("song-a").kid)
    await api.refresh()
    answer = await ann.call("GET", "/v1/songs/song-a/start")
    content = document["paths"]["/v1/songs/{song_id}/start"]["get"]["responses"]["200"]["content"]
    schema = content[answer.content_type]["x-words"] | {"components": document["components"]}
    words, _ = start_bundle.read(await answer.read())
    jsonschema.Draft202012Validator(schema).validate(words)


def test_a_handler_cannot_ask_for_what_no_request_has() -> None:
    async def handler(caller: Caller, weather: str) -> None: ...

    with pytest.raises(TypeError, match="weather"):
        Operation("GET", "/v1/weather", handler, "Weather")
