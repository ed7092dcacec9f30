"""Known answers published by others: a standard that is met only by our own word is not met."""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from grader.credentials.canonical import canonical_form
from grader.credentials.contexts import CONTEXTS, content, pinned_documents
from grader.credentials.identity import hashed
from grader.credentials.multikey import did_key, from_multibase, from_multikey, to_multibase, to_multikey
from grader.credentials.proof import hash_data, is_signed_by

# W3C, Data Integrity EdDSA Cryptosuites v1.0 (Recommendation, 15 May 2025), appendix B.1,
# "Representation: eddsa-rdfc-2022", example with the alumni credential; key pair of appendix B.
ALUMNI = {
    "@context": ["https://www.w3.org/ns/credentials/v2", "https://www.w3.org/ns/credentials/examples/v2"],
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
}
PUBLIC = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
PRIVATE = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq"
OPTIONS = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-rdfc-2022",
    "created": "2023-02-24T23:36:38Z",
    "verificationMethod": f"did:key:{PUBLIC}#{PUBLIC}",
    "proofPurpose": "assertionMethod",
}
DOCUMENT_HASH = "517744132ae165a5349155bef0bb0cf2258fff99dfe1dbd914b938d775a36017"
OPTIONS_HASH = "bea7b7acfbad0126b135104024a5f1733e705108f42d59668b05c0c50004c6b0"
PROOF_VALUE = "z2YwC8z3ap7yx1nZYCg4L3j3ApHsF8kgPdSb5xoS1VR7vPG3F561B52hYnQF9iseabecm3ijx4K1FBTQsCZahKZme"


@pytest.fixture
def contexts():
    """The pinned contexts and the examples' one, which says only where undefined terms belong."""
    examples = {"@context": {"@vocab": "https://www.w3.org/ns/credentials/examples#"}}
    return {**pinned_documents(), "https://www.w3.org/ns/credentials/examples/v2": examples}


def test_canonical_form_of_the_w3c_example(contexts):
    assert hashlib.sha256(canonical_form(ALUMNI, contexts).encode()).hexdigest() == DOCUMENT_HASH


def test_signature_of_the_w3c_example(contexts):
    data = hash_data(ALUMNI, OPTIONS, contexts)
    assert data.hex() == OPTIONS_HASH + DOCUMENT_HASH
    prefix, secret = from_multibase(PRIVATE)[:2], from_multibase(PRIVATE)[2:]
    assert prefix == b"\x80\x26"  # multicodec ed25519-priv
    assert to_multibase(Ed25519PrivateKey.from_private_bytes(secret).sign(data)) == PROOF_VALUE


def test_verifying_the_w3c_example(contexts):
    proof = {**OPTIONS, "proofValue": PROOF_VALUE}
    assert is_signed_by(ALUMNI, proof, from_multikey(PUBLIC), contexts)
    assert not is_signed_by({**ALUMNI, "name": "Alumna Credential"}, proof, from_multikey(PUBLIC), contexts)
    assert not is_signed_by(ALUMNI, {**proof, "created": "2023-02-24T23:36:39Z"}, from_multikey(PUBLIC), contexts)


# draft-msporny-base58-03, section 5 (test vectors), with the multibase prefix z.
@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    ],
)
def test_base58btc(plain, encoded):
    assert to_multibase(plain) == f"z{encoded}"
    assert from_multibase(f"z{encoded}") == plain


# The did:key method 0.9, section 3.1.1 (Ed25519), and W3C's key pair above: the same key both ways.
@pytest.mark.parametrize("multikey", ["z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK", PUBLIC])
def test_multikey_and_did_key(multikey):
    key = from_multikey(multikey)
    assert isinstance(key, Ed25519PublicKey)
    assert to_multikey(key) == multikey
    assert did_key(multikey) == f"did:key:{multikey}"


def test_the_public_key_belongs_to_the_private_one():
    key = Ed25519PrivateKey.from_private_bytes(from_multibase(PRIVATE)[2:])
    assert to_multikey(key.public_key()) == PUBLIC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        PUBLIC + "1",
        "z1" + PUBLIC[1:],
        PRIVATE,
        "z0OIl",
        "z" * 9999,
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match=r"multibase|Multikey|substring"):
        from_multikey(text)


def test_salted_identity_of_the_specification():
    """Open Badges 3.0, IdentityHash: 'a@example.com' salted with 'Kosher'."""
    assert hashed("a@example.com", "Kosher") == (
        "sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"
    )


def test_contexts_are_the_pinned_ones():
    for context in CONTEXTS:
        assert hashlib.sha256(content(context)).hexdigest() == context.sha256


def test_two_packages_carry_the_same_base_context():
    """PyLD's frozen copy is laid out otherwise, but says the same."""
    package = find_spec("pyld")
    assert package is not None
    assert package.origin is not None
    frozen = Path(package.origin).parent / "documentloader" / "frozen" / "bundled" / "credentials-v2.jsonld"
    assert json.loads(frozen.read_text(encoding="utf-8")) == json.loads(content(CONTEXTS[0]))
