"""The signing key: encrypted at rest, read by one process, used for its own issuer's certificates only."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grader.credentials.identity import Person
from grader.credentials.keyfile import create_key, open_key
from grader.credentials.openbadge import Achievement, Evidence, credential
from grader.credentials.signing import Signing
from grader.credentials.trust import Issuer, read_trust_pack, write_trust_pack
from grader.credentials.verify import verify
from grader.errors import GraderError

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PASSPHRASE = "correct horse battery"  # noqa: S105 - opens nothing but this test's keys


def document(did):
    return credential(
        Achievement("framework/0.1", "Framework", "SIM.P.1", "Carry a district", "What.", "How.", 70.0),
        Person("ada", "Ada Sample"),
        [Evidence("ab" * 32, "cd" * 32, "practicum 0.1.0", "unsupervised", "Storm night")],
        percent=80,
        issuer_id=did,
        issuer_name="Course",
        issued=NOW,
    )


@pytest.fixture(scope="module")
def signing(tmp_path_factory):
    with Signing(tmp_path_factory.mktemp("keys") / "signing.key", PASSPHRASE, create=True) as process:
        yield process


def test_what_the_process_signs_verifies(signing, tmp_path):
    write_trust_pack(tmp_path, [Issuer(signing.did, "Course", (signing.multikey,))])
    signed = signing.sign(document(signing.did), created=NOW)
    assert verify(json.dumps(signed).encode(), read_trust_pack(tmp_path), now=NOW).valid


def test_it_signs_for_its_own_issuer_only(signing):
    with pytest.raises(GraderError, match="another issuer"):
        signing.sign(document("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"), created=NOW)


def test_it_signs_certificates_only(signing):
    with pytest.raises(GraderError, match="@context"):
        signing.sign({"hello": "world"}, created=NOW)
    with pytest.raises(GraderError, match="not covered"):
        signing.sign({**document(signing.did), "note": "x"}, created=NOW)


def test_a_refusal_does_not_end_it(signing):
    with pytest.raises(GraderError):
        signing.sign({}, created=NOW)
    assert signing.sign(document(signing.did), created=NOW)["proof"]


def test_the_key_is_encrypted_and_closed_to_others(tmp_path):
    path = tmp_path / "keys" / "signing.key"
    create_key(path, PASSPHRASE)
    assert path.stat().st_mode & 0o777 == 0o600
    content = path.read_bytes()
    assert b"ENCRYPTED PRIVATE KEY" in content
    key = open_key(content, PASSPHRASE)
    assert isinstance(key, Ed25519PrivateKey)
    assert key.private_bytes_raw() not in content
    with pytest.raises(GraderError, match="does not open"):
        open_key(content, "another passphrase")
    with pytest.raises(GraderError, match="already"):
        create_key(path, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"-----BEGIN PRIVATE KEY-----"])
def test_a_damaged_key_file(content):
    with pytest.raises(GraderError, match="no key file"):
        open_key(content, PASSPHRASE)


def test_a_key_file_cannot_ask_for_more_work(tmp_path):
    create_key(tmp_path / "key", PASSPHRASE)
    entry = json.loads((tmp_path / "key").read_text())
    with pytest.raises(GraderError, match="no key file"):
        open_key(json.dumps({**entry, "scrypt_n": 2**30}).encode(), PASSPHRASE)


def test_a_short_passphrase_is_refused(tmp_path):
    with pytest.raises(GraderError, match="has 5 characters"), Signing(tmp_path / "key", "short", create=True):
        pass
    assert not (tmp_path / "key").exists()


def test_no_key_and_none_to_be_made(tmp_path):
    with pytest.raises(GraderError, match="there is no signing key"):
        Signing(tmp_path / "key", PASSPHRASE)


def test_a_wrong_passphrase_is_told(tmp_path):
    create_key(tmp_path / "key", PASSPHRASE)
    with pytest.raises(GraderError, match="does not open with this passphrase"):
        Signing(tmp_path / "key", "another passphrase")


def test_nobody_reads_key_or_passphrase_from_outside(tmp_path, monkeypatch):
    """Neither stands in the arguments or the environment of the process that has them."""
    monkeypatch.setenv("PRACTICUM_SIGNING_PASSPHRASE", PASSPHRASE)
    with Signing(tmp_path / "key", PASSPHRASE, create=True) as process:
        folder = Path("/proc") / str(process._process.pid)
        seen = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        assert PASSPHRASE.encode() not in seen
        assert os.getpid() != process._process.pid


def test_the_module_refuses_without_descriptors():
    done = subprocess.run(
        [sys.executable, "-m", "grader.credentials.signer"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 2
    assert "--passphrase-fd" in done.stderr
