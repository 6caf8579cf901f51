"""Certificates for servers on loopback. openssl makes them; where there is none, the test that wants one is skipped."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def certified(folder: Path, name: str = "edge", *more: str) -> tuple[Path, Path]:
    """A certificate for `name` at 127.0.0.1 and its key, in `folder`, made once; without a password, unless `more` says one to openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if not certificate.exists():
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
        command += ["-out", str(certificate), "-keyout", str(key), *(more or ["-nodes"])]
        subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def trusting(*certificates: Path) -> ssl.SSLContext:
    """A client's context that trusts `certificates`, too."""
    context = ssl.create_default_context()
    for certificate in certificates:
        context.load_verify_locations(certificate)
    return context
