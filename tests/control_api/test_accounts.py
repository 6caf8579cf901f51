"""Who may come in: registration, log-in, guests, and session tokens that somebody tampered with."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, select, update

from control_api import accounts
from control_api.accounts import REMEMBERED_MS
from control_api.app import Api, Rate, Rates
from control_api.models import AccountRecord
from control_api.passwords import Passwords
from control_api.sessions import LIFETIME_S, load_session_key
from media.errors import SettingsError

KEY = b"s" * 32
PASSWORD = "correct horse battery"
ANN = {"email": "ann@example.org", "password": PASSWORD}


async def test_register_log_in_and_see_oneself(stranger: Any) -> None:
    account = await stranger.ok("POST", "/v1/accounts", 201, json=ANN | {"region": "NO"})
    assert account == {
        "account_id": account["account_id"],
        "email": "ann@example.org",
        "role": "listener",
        "tier": "free",
        "region": "NO",
    }
    session = await stranger.ok("POST", "/v1/sessions", json=ANN)
    assert session["token_type"] == "Bearer"
    assert session["expires_in"] == LIFETIME_S
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    assert await stranger.ok("GET", "/v1/me", headers=bearer) == account


async def test_addresses_differ_by_more_than_case_and_width(stranger: Any) -> None:
    await stranger.ok("POST", "/v1/accounts", 201, json=ANN)
    again = ANN | {"email": " Ａnn@Example.org "}
    assert (await stranger.refused(409, "POST", "/v1/accounts", json=again))["type"].endswith(
        "already-registered"
    )
    await stranger.ok("POST", "/v1/sessions", json=again)


@pytest.mark.parametrize("email", ["ann＠home@example.org", "ﷺ@example.org", "ann@" + "ﷺ" * 20 + ".org"])
async def test_an_address_is_judged_as_it_will_be_kept(stranger: Any, email: str) -> None:
    """U+FF20 becomes an @, U+FDFA eighteen letters and three spaces."""
    await stranger.refused(422, "POST", "/v1/accounts", json=ANN | {"email": email})


async def test_who_registered_is_for_the_owner_of_the_machine_alone(stranger: Any, tmp_path: Path) -> None:
    await stranger.ok("POST", "/v1/accounts", 201, json=ANN)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("api.sqlite*")}
    assert modes["api.sqlite"] == 0o600
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong horse battery"}, {"email": "nobody@example.org"}, {"password": ""}]
)
async def test_wrong_credentials_are_one_answer(stranger: Any, wrong: dict[str, str]) -> None:
    await stranger.ok("POST", "/v1/accounts", 201, json=ANN)
    response = await stranger.call("POST", "/v1/sessions", json=ANN | wrong)
    assert response.status == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert (await response.json())["detail"] == "no account has this e-mail address and this password"


async def test_passwords_are_kept_as_argon2id_alone(stranger: Any, api: Api, tmp_path: Path) -> None:
    await stranger.ok("POST", "/v1/accounts", 201, json=ANN)
    async with api.database.transaction() as session:
        kept = await session.scalar(select(AccountRecord.password))
    assert kept is not None
    assert kept.startswith("$argon2id$")
    assert all(PASSWORD.encode() not in path.read_bytes() for path in tmp_path.glob("api.sqlite*"))


async def test_a_weak_hash_is_renewed_when_its_owner_logs_in(stranger: Any, api: Api) -> None:
    await stranger.ok("POST", "/v1/accounts", 201, json=ANN)
    weak = PasswordHasher(time_cost=1, memory_cost=16, parallelism=2).hash(PASSWORD)
    async with api.database.transaction() as session:
        await session.execute(update(AccountRecord).values(password=weak))
    await stranger.ok("POST", "/v1/sessions", json=ANN)
    async with api.database.transaction() as session:
        kept = await session.scalar(select(AccountRecord.password))
    assert kept != weak
    await stranger.ok("POST", "/v1/sessions", json=ANN)


async def test_default_passwords_are_expensive() -> None:
    hashed = await Passwords().hash("correct horse battery")
    assert "$m=65536,t=3,p=4$" in hashed


async def test_a_guest_is_an_account_without_address(stranger: Any) -> None:
    first = await stranger.ok("POST", "/v1/sessions/guest")
    second = await stranger.ok("POST", "/v1/sessions/guest")
    seen = [
        await stranger.ok("GET", "/v1/me", headers={"Authorization": f"bearer {session['access_token']}"})
        for session in (first, second)
    ]
    assert [(each["email"], each["tier"], each["role"]) for each in seen] == [(None, "free", "listener")] * 2
    assert seen[0]["account_id"] != seen[1]["account_id"]


async def test_guests_can_be_kept_out(make_api: Callable[..., Api], start: Any) -> None:
    listener = await start(make_api(guests=False))
    await listener.refused(403, "POST", "/v1/sessions/guest")


def tampered(claims: dict[str, Any]) -> dict[str, str]:
    header, body, signature = jwt.encode(claims, KEY, "HS256").split(".")
    other = jwt.encode(claims | {"sub": "0" * 32}, KEY, "HS256").split(".")[1]
    return {
        "none": jwt.encode(claims, None, "none"),
        "other key": jwt.encode(claims, b"t" * 32, "HS256"),
        "other algorithm": jwt.encode(claims, KEY * 2, "HS384"),
        "other issuer": jwt.encode(claims | {"iss": "elsewhere"}, KEY, "HS256"),
        "no expiry": jwt.encode({k: v for k, v in claims.items() if k != "exp"}, KEY, "HS256"),
        "no subject": jwt.encode({k: v for k, v in claims.items() if k != "sub"}, KEY, "HS256"),
        "no such account": jwt.encode(claims | {"sub": "0" * 32}, KEY, "HS256"),
        "body swapped": f"{header}.{other}.{signature}",
        "no signature": f"{header}.{body}.",
        "garbage": "garbage",
        "empty": "",
    }


@pytest.mark.parametrize("how", tampered({"iss": "tonearm", "sub": "x", "iat": 0, "exp": 1}))
async def test_tampered_sessions_are_refused(ann: Any, clock: Any, how: str) -> None:
    account = await ann.ok("GET", "/v1/me")
    now = clock() // 1000
    claims = {"iss": "tonearm", "sub": account["account_id"], "iat": now, "exp": now + 60}
    genuine = jwt.encode(claims, KEY, "HS256")
    assert await ann.ok("GET", "/v1/me", headers={"Authorization": f"Bearer {genuine}"}) == account
    problem = await ann.refused(
        401, "GET", "/v1/me", headers={"Authorization": f"Bearer {tampered(claims)[how]}"}
    )
    assert "session" in problem["type"]


@pytest.mark.parametrize("header", ["", "Basic YW5uOng=", "Bearer", "Token x", "Bearer a b c"])
async def test_other_credentials_are_no_session(stranger: Any, header: str) -> None:
    await stranger.refused(401, "GET", "/v1/me", headers={"Authorization": header} if header else {})


async def test_a_session_ends_by_the_clock(ann: Any, clock: Any) -> None:
    clock.now += LIFETIME_S * 1000 - 1000
    await ann.ok("GET", "/v1/me")
    clock.now += 1000
    assert (await ann.refused(401, "GET", "/v1/me"))["type"].endswith("session-expired")


async def test_a_session_ends_with_its_account(ann: Any, api: Api, clock: Any) -> None:
    """A caller is remembered for half a minute."""
    async with api.database.transaction() as session:
        await session.execute(delete(AccountRecord))
    clock.now += REMEMBERED_MS - 1
    await ann.ok("GET", "/v1/me")
    clock.now += 1
    await ann.refused(401, "GET", "/v1/me")


async def test_only_so_many_callers_are_remembered(
    sign_up: Any, monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    monkeypatch.setattr(accounts, "MOST_REMEMBERED", 1)
    ann, _ = await sign_up("ann"), await sign_up("bob")
    async with api.database.transaction() as session:
        await session.execute(update(AccountRecord).values(tier="premium"))
    assert (await ann.ok("GET", "/v1/me"))["tier"] == "premium"


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/accounts", ANN), ("/v1/sessions", ANN), ("/v1/sessions/guest", None)],
)
async def test_tries_are_limited(
    make_api: Callable[..., Api], start: Any, clock: Any, path: str, body: dict[str, str] | None
) -> None:
    rate = Rate(burst=3, refill_ms=10_000)
    listener = await start(make_api(rates=Rates(rate, rate, rate)))
    statuses = [(await listener.call("POST", path, json=body)).status for _ in range(5)]
    assert 429 not in statuses[:3]
    assert statuses[3:] == [429, 429]
    clock.now += 4_000
    response = await listener.call("POST", path, json=body)
    assert response.status == 429
    assert response.headers["Retry-After"] == "6"
    clock.now += 6_000
    assert (await listener.call("POST", path, json=body)).status != 429


def test_session_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: load_session_key(home), range(32)))
    assert len(keys) == 1
    assert [len(key) for key in keys] == [32]
    assert [path.name for path in home.iterdir()] == ["session.key"]
    path = home / "session.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="0640"):
        load_session_key(home)
    path.chmod(0o600)
    os.truncate(path, 16)
    with pytest.raises(SettingsError, match="16 bytes"):
        load_session_key(home)
