"""A CloudFormation document for CloudFront: a distribution, a key group, and policies for cache, CORS and errors.

CloudFront checks its own signed URLs and cookies (`tonearm sign --kind cloudfront`) against the key group, takes them out of the
request, and collapses equal misses. It cannot read tokens in the path. Cookies open all of a presentation without touching a
manifest; a signed URL is for one object, because CloudFront gives its parameters to no origin that could carry them on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from media.layout import IMMUTABLE
from media.serving import CORS, PREFLIGHT
from origin.edges import Upstream

# Amazon's own policies: "CachingDisabled" and "AllViewerExceptHostHeader".
_NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_BUT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_YEAR_S = int(IMMUTABLE.split("max-age=")[1].split(",")[0])
_READ = ["GET", "HEAD", "OPTIONS"]
_ALL = [*_READ, "PUT", "PATCH", "POST", "DELETE"]
_CORS_PREFIX = "Access-Control-"


@dataclass(frozen=True, slots=True)
class CloudFront:
    """`public_key` is the PEM of the key whose private half signs, `name` what its parts are called."""

    origin: Upstream
    public_key: str
    api: Upstream | None = None
    name: str = "tonearm"


def template(settings: CloudFront) -> str:
    """The document, as JSON."""
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "CloudFront in front of a Tonearm origin, written by `tonearm edge-config cloudfront`.",
        "Resources": {
            "PublicKey": _resource(
                "PublicKey",
                PublicKeyConfig={
                    "CallerReference": settings.name,
                    "Name": settings.name,
                    "EncodedKey": settings.public_key.strip() + "\n",
                },
            ),
            "KeyGroup": _resource(
                "KeyGroup", KeyGroupConfig={"Name": settings.name, "Items": [{"Ref": "PublicKey"}]}
            ),
            "CachePolicy": _resource("CachePolicy", CachePolicyConfig=_cache_policy(settings.name)),
            "ResponseHeadersPolicy": _resource(
                "ResponseHeadersPolicy", ResponseHeadersPolicyConfig=_headers(settings.name)
            ),
            "Distribution": _resource("Distribution", DistributionConfig=_distribution(settings)),
        },
        "Outputs": {
            "Base": {
                "Value": {"Fn::Sub": "https://${Distribution.DomainName}"},
                "Description": "[cloudfront] base",
            },
            "KeyId": {"Value": {"Ref": "PublicKey"}, "Description": "[cloudfront] key_id"},
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::CloudFront::{kind}", "Properties": properties}


def _cache_policy(name: str) -> dict[str, Any]:
    """By the path alone: CloudFront keeps as long as the origin says, and what says nothing not at all."""
    return {
        "Name": name,
        "MinTTL": 0,
        "DefaultTTL": 0,
        "MaxTTL": _YEAR_S,
        "ParametersInCacheKeyAndForwardedToOrigin": {
            "CookiesConfig": {"CookieBehavior": "none"},
            "HeadersConfig": {"HeaderBehavior": "none"},
            "QueryStringsConfig": {"QueryStringBehavior": "none"},
            "EnableAcceptEncodingGzip": True,
            "EnableAcceptEncodingBrotli": True,
        },
    }


def _headers(name: str) -> dict[str, Any]:
    others = {header: value for header, value in CORS.items() if not header.startswith(_CORS_PREFIX)}
    return {
        "Name": name,
        "CorsConfig": {
            "AccessControlAllowCredentials": False,
            "AccessControlAllowOrigins": {"Items": [CORS["Access-Control-Allow-Origin"]]},
            "AccessControlAllowMethods": {"Items": _listed(PREFLIGHT["Access-Control-Allow-Methods"])},
            "AccessControlAllowHeaders": {"Items": _listed(PREFLIGHT["Access-Control-Allow-Headers"])},
            "AccessControlExposeHeaders": {"Items": _listed(CORS["Access-Control-Expose-Headers"])},
            "AccessControlMaxAgeSec": int(PREFLIGHT["Access-Control-Max-Age"]),
            "OriginOverride": True,
        },
        "CustomHeadersConfig": {
            "Items": [
                {"Header": header, "Value": value, "Override": True} for header, value in others.items()
            ]
        },
        "ServerTimingHeadersConfig": {"Enabled": True, "SamplingRate": 1},
    }


def _distribution(settings: CloudFront) -> dict[str, Any]:
    origins = {"origin": settings.origin} | ({"api": settings.api} if settings.api else {})
    signed = {"TrustedKeyGroups": [{"Ref": "KeyGroup"}]}
    behaviors = [{"PathPattern": "songs/*/*/public/*"} | _cached("origin")]
    if settings.api:
        patterns = ("v1/*", "t/*/licence/*", "t/*/keys/*")
        behaviors += [{"PathPattern": pattern} | _passed("api") for pattern in patterns]
    return {
        "Enabled": True,
        "Comment": settings.name,
        "HttpVersion": "http2and3",
        "IPV6Enabled": True,
        "Origins": [_origin(name, server) for name, server in origins.items()],
        "DefaultCacheBehavior": _cached("origin") | signed,
        "CacheBehaviors": behaviors,
        # Errors are not kept; where the origin fails, CloudFront goes on with what it has (RFC 5861 §4).
        "CustomErrorResponses": [
            {"ErrorCode": code, "ErrorCachingMinTTL": 0} for code in (403, 404, 500, 502, 503, 504)
        ],
    }


def _origin(name: str, server: Upstream) -> dict[str, Any]:
    return {
        "Id": name,
        "DomainName": server.host,
        "CustomOriginConfig": {
            "HTTPPort": 80 if server.tls else server.port,
            "HTTPSPort": server.port if server.tls else 443,
            "OriginProtocolPolicy": "https-only" if server.tls else "http-only",
            "OriginSSLProtocols": ["TLSv1.2"],
            "OriginReadTimeout": 10,
            "OriginKeepaliveTimeout": 60,
        },
        "ConnectionAttempts": 2,
        "ConnectionTimeout": 2,
    }


def _cached(origin: str) -> dict[str, Any]:
    return {
        "TargetOriginId": origin,
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": _READ,
        "CachedMethods": _READ[:2],
        "CachePolicyId": {"Ref": "CachePolicy"},
        "ResponseHeadersPolicyId": {"Ref": "ResponseHeadersPolicy"},
        "Compress": True,
    }


def _passed(origin: str) -> dict[str, Any]:
    """Licences, keys and the API: nothing is kept, everything goes along."""
    return {
        "TargetOriginId": origin,
        "ViewerProtocolPolicy": "redirect-to-https",
        "AllowedMethods": _ALL,
        "CachePolicyId": _NO_CACHE,
        "OriginRequestPolicyId": _ALL_BUT_HOST,
        "ResponseHeadersPolicyId": {"Ref": "ResponseHeadersPolicy"},
    }


def _listed(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")]
