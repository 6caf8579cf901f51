"""The virtual player against real packages behind a real edge: it must make a sound, and say what each part took."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from edge_sim.player import play
from media import start_bundle
from media.errors import FormatError, ManifestError, SettingsError, UpstreamFailed

KID = UUID("00112233-4455-6677-8899-aabbccddeeff")

KINDS = {
    "hls": "hls.m3u8",
    "hls-identity": "hls-identity.m3u8",
    "dash": "dash.mpd",
    "presentation": "presentation.json",
}
PLAYABLE = [
    ("none", "hls"),
    ("none", "dash"),
    ("none", "presentation"),
    *((scheme, kind) for scheme in ("cbcs", "cenc") for kind in KINDS),
    ("aes-128", "hls"),
    ("aes-128", "presentation"),
]


@pytest.mark.parametrize(("scheme", "kind"), PLAYABLE)
async def test_every_protection_and_manifest_makes_a_sound(stage, tone, scheme, kind):
    stage.publish(tone, scheme)
    (start,) = await play(stage.url(KINDS[kind]))
    assert (start.kind, start.samples) == ("cold", 1024)
    assert 0.25 < start.peak < 0.5  # the sudden start of a tone overshoots
    names = [span.name for span in start.spans]
    assert names[:2] == ["connect", "manifest"]
    assert names[-1] == "decode"
    expected = {"init", "segment", *({"playlist"} if kind.startswith("hls") else ())}
    if scheme != "none":
        expected.add("key" if kind == "hls-identity" or scheme == "aes-128" else "licence")
    assert set(names) - {"connect", "manifest", "decode"} == expected


@pytest.mark.parametrize("one_file", [False, True])
@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc", "aes-128"])
async def test_a_bundle_makes_a_sound_of_one_answer(stage, tone, scheme, one_file):
    stage.publish(tone, scheme, one_file=one_file)
    starts = await play(stage.talk.base, runs=2)
    assert [[span.name for span in start.spans] for start in starts] == [
        ["connect", "bundle", "decode"],
        ["bundle", "decode"],
    ]
    for start in starts:
        assert (start.samples, start.protection) == (1024, scheme)
        assert 0.25 < start.peak < 0.5
        assert start.segment.endswith("/audio/normal/track.mp4" if one_file else "/audio/normal/00001.m4s")
    questions = [each.path for each in stage.origin.heard if "/songs/" in each.path]
    assert questions == ["api/v1/songs/a-song/start"] * 2


@pytest.mark.parametrize("scheme", ["none", "cbcs", "cenc", "aes-128"])
async def test_after_a_bundle_without_media_a_start_goes_on_by_the_presentation(stage, tone, scheme):
    stage.publish(tone, scheme, media=False)
    (start,) = await play(f"{stage.talk.base}/v1/songs/b-song/start")
    assert (start.samples, start.protection) == (1024, scheme)
    names = [span.name for span in start.spans]
    assert names[:3] == ["connect", "bundle", "manifest"]
    assert {"init", "segment", "decode"} < set(names)


@pytest.mark.parametrize("asked", ["start", "stream"])
async def test_a_songs_address_says_which_song_and_the_manifest_how(stage, tone, asked):
    stage.publish(tone)
    (bundled,) = await play(f"{stage.talk.base}/v1/songs/b-song/{asked}")
    (walked,) = await play(f"{stage.talk.base}/v1/songs/b-song/{asked}", manifest="hls")
    assert "bundle" in {span.name for span in bundled.spans}
    assert "grant" in {span.name for span in walked.spans}


async def test_a_licence_request_names_the_kid(stage, tone):
    stage.publish(tone, "cbcs")
    for name in ("hls.m3u8", "dash.mpd", "presentation.json"):
        await play(stage.url(name))
    questions = stage.origin.asked(stage.licence_name)
    assert {question.body for question in questions} == {
        b'{"kids": ["ABEiM0RVZneImaq7zN3u_w"], "type": "temporary"}'
    }
    assert len(questions) == 3


async def test_cold_and_warm_take_turns(stage, tone):
    stage.publish(tone)
    starts = await play(stage.url("hls.m3u8"), runs=5)
    assert [start.kind for start in starts] == ["cold", "warm", "cold", "warm", "cold"]
    for start in starts:
        assert ("connect" in {span.name for span in start.spans}) == (start.kind == "cold")
        assert start.total_ns == max(span.stop_ns for span in start.spans)
        assert all(0 <= span.start_ns <= span.stop_ns for span in start.spans)
    cached = [[span.cache for span in start.spans if span.size] for start in starts]
    assert cached[0] == ["miss"] * 4
    assert cached[1] == cached[4] == ["hit"] * 4


async def test_spans_are_what_the_stopwatch_says(stage, tone):
    """With a stopwatch that ticks once a look, every phase lasts a whole number of ticks and none overlaps the first."""
    stage.publish(tone)
    ticks = iter(range(10_000))
    (start,) = await play(stage.url("presentation.json"), stopwatch=lambda: next(ticks) * 1_000_000)
    by_name = {span.name: span for span in start.spans if span.name != "connect"}
    assert by_name["decode"].start_ns >= max(by_name["init"].stop_ns, by_name["segment"].stop_ns)
    assert by_name["init"].start_ns > by_name["manifest"].stop_ns
    assert start.to_dict()["total_ms"] == start.total_ns / 1_000_000 == by_name["decode"].stop_ns / 1_000_000


@pytest.mark.parametrize("manifest", ["hls", "dash", "presentation"])
async def test_at_a_servers_root_a_guest_plays_the_first_song(stage, tone, manifest):
    stage.publish(tone, "cbcs")
    (start,) = await play(f"{stage.talk.base}/", manifest=manifest)
    assert "grant" in {span.name for span in start.spans}
    assert not {"session", "songs"} & {span.name for span in start.spans}
    (question,) = stage.origin.asked("/api/v1/songs/a-song/stream")
    assert question.headers["Authorization"] == "Bearer guest"


async def test_at_a_songs_stream_a_member_logs_in(stage, tone):
    stage.publish(tone)
    await play(f"{stage.talk.base}/v1/songs/b-song/start", user="a@example.org", password="secret")
    (log_in,) = stage.origin.asked("/api/v1/sessions")
    assert json.loads(log_in.body) == {"email": "a@example.org", "password": "secret"}
    (question,) = stage.origin.asked("/api/v1/songs/b-song/start")
    assert question.headers["Authorization"] == "Bearer member"


async def test_a_seed_chooses_always_the_same_song(stage, tone):
    stage.publish(tone)
    chosen = set()
    for seed in range(8):
        for _ in range(2):
            stage.origin.heard.clear()
            await play(stage.talk.base, seed=seed)
            chosen.add((seed, next(q.path for q in stage.origin.heard if q.path.endswith("/start"))))
    assert len(chosen) == 8
    assert len({path for _, path in chosen}) == 2


@pytest.mark.parametrize("name", list(KINDS.values()))
async def test_a_rendition_by_name_and_the_songs_choice_otherwise(stage, tone, name):
    stage.publish(tone, "cbcs")
    await play(stage.url(name), rendition="high")
    await play(stage.url(name))
    assert len(stage.origin.asked("audio/high/00001.m4s")) == 1
    assert len(stage.origin.asked("audio/normal/00001.m4s")) == 1


async def test_a_song_may_begin_with_silence(stage, hush):
    stage.publish(hush)
    (start,) = await play(stage.url("hls.m3u8"))
    assert (start.samples, start.peak) == (1024, 0.0)


class TestWhatGoesWrong:
    async def test_nobody_there(self, unused_tcp_port):
        with pytest.raises(
            UpstreamFailed, match=r"^session: http://127.0.0.1:\d+/v1/sessions/guest: no connection$"
        ):
            await play(f"http://127.0.0.1:{unused_tcp_port}/")

    async def test_a_refusal_is_quoted_and_the_token_is_not(self, stage, tone):
        stage.publish(tone)
        stage.talk.token = stage.talk.sign("songs/other/")
        with pytest.raises(
            UpstreamFailed, match=r"^manifest: .*/t/…/songs/.*: 403 token: it does not open"
        ) as caught:
            await play(stage.url("hls.m3u8"))
        assert stage.talk.token not in str(caught.value)

    @pytest.mark.parametrize("scheme", ["cbcs", "cenc", "aes-128"])
    async def test_the_wrong_key(self, stage, tone, scheme):
        stage.publish(tone, scheme)
        stage.licence(bytes(16))
        stage.origin.says(stage.key_name, bytes(16))
        with pytest.raises(FormatError):
            await play(stage.url("hls.m3u8"))

    async def test_a_key_of_another_length(self, stage, tone):
        stage.publish(tone, "cbcs")
        stage.origin.says(stage.key_name, bytes(15))
        with pytest.raises(FormatError, match="15 bytes, a key has 16"):
            await play(stage.url("hls-identity.m3u8"))

    @pytest.mark.parametrize(
        "licence",
        [
            b"",
            b"[]",
            b"{}",
            b'{"keys": [{}]}',
            b'{"keys": [{"kid": "ABEiM0RVZneImaq7zN3u_w", "k": "!"}]}',
            '{"keys": [{"kid": "ABEiM0RVZneImaq7zN3u_w", "k": "é"}]}'.encode(),
            b"[" * 100_000,
        ],
    )
    async def test_a_licence_that_is_none(self, stage, tone, licence):
        stage.publish(tone, "cbcs")
        stage.origin.says(stage.licence_name, licence)
        with pytest.raises(FormatError):
            await play(stage.url("dash.mpd"))

    @pytest.mark.parametrize("name", ["hls.m3u8", "dash.mpd", "presentation.json", "audio/normal/init.mp4"])
    @pytest.mark.parametrize("body", [b"", b"nonsense", b"#EXTM3U\n", b"<MPD/>", b"{}", b"\xff\xfe"])
    async def test_what_is_not_what_it_should_be(self, stage, tone, name, body):
        stage.publish(tone)
        stage.origin.says(name, body)
        with pytest.raises(FormatError):
            await play(stage.url(name if name in KINDS.values() else "hls.m3u8"))

    @pytest.mark.parametrize(
        "bundle",
        [
            b"",
            b"{}",
            start_bundle.write(b"{}", b""),
            start_bundle.write(b'{"base_url": 1, "rendition": 2}', b"media"),
            start_bundle.write(b'{"base_url": "http://h/", "rendition": {"init": {"path": []}}}', b"media"),
        ],
    )
    async def test_a_bundle_that_is_none(self, stage, tone, bundle):
        stage.publish(tone, "cbcs")
        stage.origin.says("/api/v1/songs/a-song/start", bundle)
        with pytest.raises(FormatError):
            await play(stage.talk.base)

    @pytest.mark.parametrize("keys", [[], [{"kid": "ABEiM0RVZneImaq7zN3u_w", "k": "AAAA"}]])
    async def test_a_bundle_without_its_key(self, stage, tone, keys):
        stage.publish(tone, "cbcs")
        line = stage.origin.lines["api/v1/songs/a-song/start"]
        words, media = start_bundle.read(line.body)
        words["license"]["keys"] = keys
        line.body = start_bundle.write(json.dumps(words).encode(), media)
        with pytest.raises(FormatError):
            await play(stage.talk.base)

    async def test_a_segment_that_is_cut_short(self, stage, tone):
        stage.publish(tone)
        whole = stage.origin.lines["songs/a-song/0123456789abcdef/audio/normal/00001.m4s"].body
        stage.origin.says("audio/normal/00001.m4s", whole[:-100])
        with pytest.raises(FormatError):
            await play(stage.url("dash.mpd"))

    async def test_a_missing_segment_is_named(self, stage, tone):
        stage.publish(tone)
        stage.origin.forgets("audio/normal/00001.m4s")
        with pytest.raises(UpstreamFailed, match=r"segment: .*00001\.m4s: 404 "):
            await play(stage.url("dash.mpd"))

    async def test_no_songs(self, stage, tone):
        stage.publish(tone)
        stage.origin.says("/api/v1/songs", b'{"items": []}')
        with pytest.raises(UpstreamFailed, match="there are no songs"):
            await play(stage.talk.base)

    @pytest.mark.parametrize(
        "page",
        [
            b"[]",
            b"{}",
            b'{"items": null}',
            b'{"items": "abc"}',
            b'{"items": [1]}',
            b'{"items": [{}]}',
            b'{"a":' * 10**5,
        ],
    )
    async def test_a_catalogue_that_is_none(self, stage, tone, page):
        stage.publish(tone)
        stage.origin.says("/api/v1/songs", page)
        with pytest.raises(FormatError):
            await play(stage.talk.base)

    async def test_a_songs_id_leads_to_no_other_address(self, stage, tone):
        stage.publish(tone)
        stage.origin.says("/api/v1/songs", b'{"items": [{"song_id": "../../x?\\n"}]}')
        with pytest.raises(UpstreamFailed, match=r"bundle: .*/v1/songs/\.\.%2F\.\.%2Fx%3F%0A/start: 404"):
            await play(stage.talk.base)

    @pytest.mark.parametrize(
        "address", [5, "", "/hls.m3u8", "http://[::1/hls.m3u8", "http://a/x", "http://a:99999/x.mpd"]
    )
    async def test_a_grant_for_an_address_that_is_none(self, stage, tone, address):
        stage.publish(tone)
        grant = {"manifests": {"hls": address}, "start_rendition": "normal"}
        stage.origin.says("/api/v1/songs/a-song/stream", json.dumps(grant).encode(), cache_control="no-store")
        with pytest.raises((FormatError, UpstreamFailed)):
            await play(stage.talk.base, manifest="hls")

    async def test_a_session_puts_no_header_into_a_request(self, stage, tone):
        stage.publish(tone)
        stage.origin.says(
            "/api/v1/sessions/guest", b'{"access_token": "a\\r\\nX-Evil: 1"}', cache_control="no-store"
        )
        with pytest.raises(UpstreamFailed, match="cannot be asked"):
            await play(stage.talk.base)

    @pytest.mark.parametrize(
        "change",
        [
            {"renditions": []},
            {"renditions": [{"segments": []}]},
            {"renditions": [{"init": "http://["}]},
            {"protection": {"scheme": "cbcs", "kid": str(KID), "license_url": "http://[", "key_url": ""}},
            {"protection": {"scheme": "aes-128", "kid": str(KID), "license_url": "", "key_url": ""}},
        ],
    )
    async def test_a_presentation_that_makes_no_sense(self, stage, tone, change):
        document = json.loads(stage.publish(tone).to_json())
        normal = next(each for each in document["renditions"] if each["name"] == "normal") | {"iv": "zz"}
        changed = [normal | each for each in change.get("renditions", [normal])]
        body = json.dumps(document | change | {"renditions": changed}).encode()
        stage.origin.says("presentation.json", body)
        with pytest.raises(ManifestError, match=r"^presentation\.json: "):
            await play(stage.url("presentation.json"))

    async def test_an_address_that_is_nothing_to_play(self):
        with pytest.raises(SettingsError, match="neither a server's root"):
            await play("http://127.0.0.1:1/elsewhere")

    async def test_a_manifest_leads_to_no_other_scheme(self, stage, tone):
        stage.publish(tone)
        stage.origin.says("hls.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///etc/passwd\n")
        with pytest.raises(UpstreamFailed, match="is no http address"):
            await play(stage.url("hls.m3u8"))


async def test_a_rendition_that_is_not_there_is_an_error_and_not_another(stage, tone):
    stage.publish(tone)
    with pytest.raises(SettingsError, match="no rendition 'lossless'"):
        await play(stage.url("dash.mpd"), rendition="lossless")


async def test_a_start_says_what_was_played(stage, tone):
    stage.publish(tone, "cenc")
    (start,) = await play(stage.url("hls.m3u8"), rendition="high")
    said = start.to_dict()
    assert said["segment"].endswith("/audio/high/00001.m4s")
    assert said["protection"] == "cenc"
