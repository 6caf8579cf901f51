"""What `tonearm edge-config` writes and refuses; that nginx and Varnish obey it is shown by the conversations."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from Crypto.PublicKey import RSA

import cli
from media.errors import SettingsError

TIERS = ("--origin", "http://127.0.0.1:8081", "--verifier", "http://127.0.0.1:8083")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.root, ["edge-config", *map(str, arguments)])


@pytest.fixture
def public_key(tmp_path: Path) -> Path:
    path = tmp_path / "public.pem"
    path.write_bytes(RSA.generate(2048).public_key().export_key())
    return path


@pytest.fixture
def document(public_key: Path) -> Any:
    result = run(
        "cloudfront",
        "--origin",
        "https://o.example",
        "--api",
        "http://a.example:8082",
        "--public-key",
        public_key,
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.mark.parametrize("kind", ["nginx", "varnish"])
def test_a_file_and_standard_output_get_the_same(kind: str, tmp_path: Path) -> None:
    assert run(kind, *TIERS, "--out", tmp_path / "made").output == ""
    assert (tmp_path / "made").read_text() == run(kind, *TIERS).output
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nginx", *TIERS, "--cache", "/var/x;y:1GB"), "expected DIR:SIZE"),
        (("nginx", *TIERS, "--cache", "relative:1GB"), "expected DIR:SIZE"),
        (("nginx", *TIERS, "--cache", "/var/x:lots"), "is not a size"),
        (("nginx", *TIERS, "--listen", "80;"), "is neither a port"),
        (("nginx", *TIERS, "--listen", "70000"), "is neither a port"),
        (("nginx", *TIERS, "--access-log", '/x";'), "expected an absolute path"),
        (("varnish", *TIERS[:2]), "Missing option '--verifier'"),
        (("nginx", *TIERS[:3], "nowhere"), "is not an address"),
    ],
)
def test_what_could_leave_its_place_in_a_configuration_is_refused(
    arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nginx", "--origin", "http://h/path", *TIERS[2:]), "nothing behind it"),
        (("nginx", "--origin", "http://u:p@h", *TIERS[2:]), "nothing behind it"),
        (("nginx", "--origin", "http://h;x", *TIERS[2:]), "nothing behind it"),
        (("varnish", "--origin", "https://h", *TIERS[2:]), "Varnish speaks no TLS"),
    ],
)
def test_an_upstream_that_none_can_reach_is_refused(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, SettingsError)
    assert said in str(result.exception)


def test_a_private_key_never_goes_to_cloudfront(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(RSA.generate(1024).export_key())
    result = run("cloudfront", "--origin", "https://o.example", "--public-key", tmp_path / "k.pem")
    assert "a private key" in str(result.exception)
    (tmp_path / "k.pem").write_text("nonsense")
    result = run("cloudfront", "--origin", "https://o.example", "--public-key", tmp_path / "k.pem")
    assert "no RSA key" in str(result.exception)


def test_cloudfront_caches_by_the_path_alone_and_asks_for_a_signature(document: Any) -> None:
    resources = document["Resources"]
    key = resources["CachePolicy"]["Properties"]["CachePolicyConfig"][
        "ParametersInCacheKeyAndForwardedToOrigin"
    ]
    assert {key["CookiesConfig"]["CookieBehavior"], key["HeadersConfig"]["HeaderBehavior"]} == {"none"}
    assert key["QueryStringsConfig"]["QueryStringBehavior"] == "none"
    distribution = resources["Distribution"]["Properties"]["DistributionConfig"]
    assert distribution["DefaultCacheBehavior"]["TrustedKeyGroups"] == [{"Ref": "KeyGroup"}]
    unsigned = {each["PathPattern"]: each for each in distribution["CacheBehaviors"]}
    assert set(unsigned) == {"songs/*/*/public/*", "v1/*", "t/*/licence/*", "t/*/keys/*"}
    assert all("TrustedKeyGroups" not in each for each in unsigned.values())
    assert unsigned["t/*/licence/*"]["TargetOriginId"] == "api"


def test_every_reference_of_the_document_is_in_it(document: Any) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, list):
            return [name for each in value for name in references(each)]
        if isinstance(value, dict):
            return ([value["Ref"]] if "Ref" in value else []) + references(list(value.values()))
        return []

    assert set(references(document)) == {"PublicKey", "KeyGroup", "CachePolicy", "ResponseHeadersPolicy"}
    assert set(references(document)) < set(document["Resources"])


def test_amazons_schemas_find_nothing_wrong(document: Any, tmp_path: Path) -> None:
    """cfn-lint is no dependency: 180 MB for one file that rarely changes. Whoever changes the template installs it."""
    program = shutil.which("cfn-lint")
    if program is None:
        pytest.skip("no cfn-lint")
    (tmp_path / "template.json").write_text(json.dumps(document))
    done = subprocess.run([program, tmp_path / "template.json"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
