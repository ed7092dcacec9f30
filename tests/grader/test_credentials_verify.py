"""Five lines about a certificate, and everything that must not pass them."""

import copy
import json
import socket
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openbadgeslib.ob3.ldp import OB3LdpVerifier

from grader.cli.credential import command
from grader.credentials.canonical import UnsoundError, canonical_form
from grader.credentials.identity import Person
from grader.credentials.multikey import did_key, to_multikey, verification_method
from grader.credentials.openbadge import Achievement, Evidence, credential
from grader.credentials.proof import sign
from grader.credentials.reading import MAX_BYTES
from grader.credentials.trust import Issuer, read_trust_pack, write_trust_pack
from grader.credentials.verify import LINES, verify
from grader.errors import GraderError

ISSUED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ADA = Person("ada", "Ada Sample", "Ada@Example.org", sample=True)
ACHIEVEMENT = Achievement("framework/0.1", "Framework", "SIM.P.1", "Carry a district", "What it is.", "How.", 70.0)
WORK = Evidence("ab" * 32, "cd" * 32, "practicum 0.1.0", "practice, unsupervised", "Storm night")


class Desk:
    """An issuer with its key at hand."""

    def __init__(self, seed: int, name: str = "Gulls' Quay") -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.multikey = to_multikey(self.key.public_key())
        self.did, self.name = did_key(self.multikey), name

    def document(self, **changes):
        facts = {"percent": 86.4, "issuer_id": self.did, "issuer_name": self.name, "issued": ISSUED, **changes}
        return credential(ACHIEVEMENT, ADA, [WORK], **facts)

    def sign(self, document):
        method = verification_method(self.did, self.multikey)
        return sign(document, self.key, verification_method=method, created=ISSUED)


@pytest.fixture(scope="module")
def desk():
    return Desk(7)


@pytest.fixture(scope="module")
def signed(desk):
    return desk.sign(desk.document())


@pytest.fixture(scope="module")
def trust(desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trust")
    write_trust_pack(folder, [Issuer(desk.did, "Gulls' Quay Practicum", (desk.multikey,), sample=True)])
    return folder


@pytest.fixture(scope="module")
def pack(trust):
    return read_trust_pack(trust)


def verdicts(document, pack, **asked):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    verification = verify(content, pack, **{"now": NOW, **asked})
    return verification, {line.name: line.verdict for line in verification.lines}


def refused(document, pack, reason, line="untampered", verdict="fail", **asked):
    verification, found = verdicts(document, pack, **asked)
    assert not verification.valid
    assert found[line] == verdict
    says = next(one.says for one in verification.lines if one.name == line)
    assert reason in says, says


def test_a_genuine_certificate(signed, pack):
    verification, found = verdicts(signed, pack)
    assert verification.valid
    assert found == {
        "untampered": "pass",
        "issuer_known": "pass",
        "in_date": "pass",
        "not_revoked": "unknown",
        "belongs_to_person": "unknown",
    }
    assert "no status list yet" in [line.says for line in verification.lines]


def test_an_independent_verifier_agrees(signed, desk, monkeypatch):
    """openbadgeslib, another hand's implementation (its RDF by PyLD alone), with the network cut."""
    monkeypatch.setattr(socket, "socket", None)
    found = OB3LdpVerifier.for_issuer_did(desk.did).verify(json.dumps(signed))
    assert found.achievement.achievement_type == "Competency"
    assert found.results[0].value == "86.4"


def test_an_independent_verifier_sees_the_tampering_too(signed, desk):
    changed = copy.deepcopy(signed)
    changed["credentialSubject"]["result"][0]["value"] = "99.9"
    with pytest.raises(Exception, match=r"does not verify|invalid|signature"):
        OB3LdpVerifier.for_issuer_did(desk.did).verify(json.dumps(changed))


def test_the_issuer_is_named_by_the_trust_pack_alone(desk, pack):
    signed = desk.sign(desk.document(issuer_name="The Ministry of Certificates"))
    verification, _ = verdicts(signed, pack)
    assert verification.valid
    assert "Ministry" not in verification.lines[1].says
    assert "Gulls' Quay Practicum" in verification.lines[1].says


@pytest.mark.parametrize("person", ["ada@example.org", " Ada@Example.ORG ", "ada"])
def test_it_belongs_to_whoever_fits_a_salted_hash(signed, pack, person):
    assert verdicts(signed, pack, person=person)[1]["belongs_to_person"] == "pass"


@pytest.mark.parametrize("person", ["bob@example.org", "Ada Sample", "Ada", "sha256$"])
def test_it_does_not_belong_to_anyone_else(signed, pack, person):
    refused(signed, pack, "no identity in it is", "belongs_to_person", person=person)


def test_no_email_is_readable_in_it(signed):
    text = json.dumps(signed).lower()
    assert "example.org" not in text
    salts = [one["salt"] for one in signed["credentialSubject"]["identifier"] if one["hashed"]]
    assert len(set(salts)) == 2


def test_a_flipped_byte(signed, pack):
    content = json.dumps(signed).encode().replace(b"86.4", b"96.4")
    refused(content, pack, "changed after signing")


def test_another_issuers_key(desk, pack):
    thief = Desk(9)
    document = desk.document()
    method = verification_method(thief.did, thief.multikey)
    stolen = sign(document, thief.key, verification_method=method, created=ISSUED)
    refused(stolen, pack, "a key that is not its issuer's")
    renamed = sign(
        document, thief.key, verification_method=verification_method(desk.did, thief.multikey), created=ISSUED
    )
    refused(renamed, pack, "a key that is not its issuer's")
    posing = sign(document, thief.key, verification_method=verification_method(desk.did, desk.multikey), created=ISSUED)
    refused(posing, pack, "the signature does not fit")


def test_an_unknown_issuer_is_a_warning(pack):
    stranger = Desk(9, name="Gulls' Quay Practicum")
    signed = stranger.sign(stranger.document())
    refused(signed, pack, "nobody in this trust pack", "issuer_known", "warning")
    assert verdicts(signed, pack, person="ada")[1]["belongs_to_person"] == "unknown"


def test_a_key_that_the_certificate_carries_proves_nothing(signed, pack):
    thief = Desk(9)
    carrying = copy.deepcopy(signed)
    carrying["proof"][0]["publicKeyMultibase"] = thief.multikey
    refused(carrying, pack, "its proof is not one")
    document = {name: value for name, value in signed.items() if name != "proof"}
    document["verificationMethod"] = thief.did
    carried = {**document, "proof": signed["proof"]}
    refused(carried, pack, "not covered by the signature")


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (ISSUED + timedelta(days=3 * 365 + 2), "expired on 2029-03-01"),
        (ISSUED - timedelta(minutes=6), "valid only from"),
    ],
)
def test_a_date_that_is_past_or_yet_to_come(signed, pack, now, reason):
    refused(signed, pack, reason, "in_date", now=now)


def test_clocks_may_differ_by_minutes(signed, pack):
    assert verdicts(signed, pack, now=ISSUED - timedelta(minutes=4))[0].valid


def test_a_missing_proof(signed, pack):
    refused({name: value for name, value in signed.items() if name != "proof"}, pack, "no signature")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"%PDF-1.7", "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[]", "not an object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' stands twice"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "nested deeper"),
        (b"[" * 200_000, "nested deeper"),
        (b'"' + b"x" * MAX_BYTES + b'"', "larger than 256 KiB"),
        (b"{}", "the document is empty"),
        (b'{"a": 1}', "@context"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"a": "\\u0007"}', "U+0007"),
        (b"", "not JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}", "more digits"),
        (b'{"a": 1e999}', "write it as text"),
    ],
)
def test_what_is_no_certificate(pack, content, reason):
    refused(content, pack, reason)


def test_a_duplicate_key_with_another_value(signed, pack):
    content = json.dumps(signed).encode()
    refused(content[:-1] + b', "name": "Better"}', pack, "'name' stands twice")


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (("note",), "not covered"),
        (("credentialSubject", "grade"), "not covered"),
        (("issuer", "rank"), "not covered"),
        (("credentialSubject", "achievement", "@id"), "which certificates do not use"),
        (("https://schema.org/award",), "which certificates do not use"),
    ],
)
def test_words_that_were_put_in(signed, pack, place, reason):
    changed = copy.deepcopy(signed)
    part = changed
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = "with distinction"
    refused(changed, pack, reason)


@pytest.mark.parametrize("empty", [None, [], {}])
def test_empty_members_are_refused(signed, pack, empty):
    refused({**signed, "evidence": empty}, pack, "evidence is empty")


def test_other_contexts_are_refused(signed, pack):
    refused({**signed, "@context": [*signed["@context"], "https://example.org/mine"]}, pack, "no other")
    refused({**signed, "@context": [*signed["@context"], {"name": "https://example.org/x"}]}, pack, "no other")
    with pytest.raises(UnsoundError, match="not one of those known here"):
        canonical_form({"@context": ["https://example.org/mine"], "id": "urn:x:1"})


def test_many_nameless_things_do_not_stop_the_clock(signed, pack):
    """RDFC-1.0 tries every order of things that look alike: a short file must not take hours."""
    alike = [{"type": ["Alignment"]} for _ in range(12)]
    changed = copy.deepcopy(signed)
    changed["credentialSubject"]["achievement"]["alignment"] = alike
    refused(changed, pack, "without an id")


def leaves(value, path=()):
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, part in steps:
            yield from leaves(part, (*path, step))
    else:
        yield path


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_leaf_can_be_changed(signed, pack, data):
    """Whatever single value of the file is changed, removed or doubled: never valid."""
    path = data.draw(st.sampled_from(sorted(leaves(signed), key=str)))
    changed = copy.deepcopy(signed)
    part = changed
    for step in path[:-1]:
        part = part[step]
    old = part[path[-1]]
    new = data.draw(
        st.one_of(st.text(max_size=30), st.booleans(), st.integers(), st.none(), st.just(f"{old} "), st.just(f"{old}0"))
    )
    if new == old and type(new) is type(old):
        return
    part[path[-1]] = new
    assert not verdicts(changed, pack)[0].valid


def test_every_leaf_counts(signed, pack):
    for path in leaves(signed):
        changed = copy.deepcopy(signed)
        part = changed
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]
        assert not verdicts(changed, pack)[0].valid, path


def test_no_leaf_can_change_by_one_character(signed, pack):
    for path in leaves(signed):
        changed = copy.deepcopy(signed)
        part = changed
        for step in path[:-1]:
            part = part[step]
        old = part[path[-1]]
        part[path[-1]] = (not old) if isinstance(old, bool) else old[:-1] + chr(ord(old[-1]) ^ 1)
        assert not verdicts(changed, pack)[0].valid, path


def test_a_status_that_this_version_cannot_read_is_told(desk, pack):
    status = {
        "id": "urn:x:status#7",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://example.org/status",
    }
    verification, _ = verdicts(desk.sign({**desk.document(), "credentialStatus": status}), pack)
    assert verification.lines[0].verdict == "pass"
    assert "ask the issuer" in verification.lines[3].says


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"note": "undefined"}, "note is not covered"),
        ({"id": "certificate-1"}, "id is not an absolute IRI"),
        ({"id": "urn:x:a b"}, "id is not an absolute IRI"),
        ({"name": "bell\x07"}, r"U\+0007"),
        ({"name": "next\x85line"}, r"U\+0085"),
        ({"evidence": []}, "evidence is empty"),
        ({"validUntil": None}, "validUntil is empty"),
        ({"name": 0.1}, "write it as text"),
        (
            {"type": ["VerifiableCredential", "OpenBadgeCredential", "Diploma"]},
            "'Diploma' is neither an absolute IRI nor a term",
        ),
    ],
)
def test_the_signer_refuses_what_a_signature_cannot_hold(desk, change, reason):
    with pytest.raises(UnsoundError, match=reason):
        desk.sign({**desk.document(), **change})


def test_tab_and_newline_are_kept(desk, pack):
    signed = desk.sign({**desk.document(), "description": 'one\ttwo\nthree \\ "four" 五 🌊'})
    assert verdicts(signed, pack)[0].valid
    OB3LdpVerifier.for_issuer_did(desk.did).verify(json.dumps(signed))


def test_nothing_is_issued_below_the_cut(desk):
    with pytest.raises(ValueError, match="below the cut"):
        desk.document(percent=69.9)
    with pytest.raises(ValueError, match="no time zone"):
        desk.document(issued=ISSUED.replace(tzinfo=None))


def test_three_years_from_a_leap_day(desk):
    document = desk.document(issued=datetime(2028, 2, 29, tzinfo=UTC))
    assert document["validUntil"] == "2031-02-28T00:00:00Z"


def test_the_sample_is_marked_everywhere(signed):
    achievement = signed["credentialSubject"]["achievement"]
    for text in (signed["name"], achievement["name"]):
        assert text.startswith("SAMPLE")
    for text in (signed["description"], achievement["description"], achievement["criteria"]["narrative"]):
        assert text.startswith("This is a sample certificate")


def test_what_the_model_calls_many_is_a_list(signed):
    subject = signed["credentialSubject"]
    achievement = subject["achievement"]
    for part in (signed["evidence"], signed["proof"], subject["identifier"], subject["result"]):
        assert isinstance(part, list)
    assert isinstance(achievement["alignment"], list)
    described = {one["id"] for one in achievement["resultDescription"]}
    assert {one["resultDescription"] for one in subject["result"]} <= described
    assert all(isinstance(one["value"], str) for one in subject["result"])
    assert len(signed["proof"]) == 1


def test_evidence_names_submission_reality_and_grader(signed):
    text = signed["evidence"][0]["narrative"]
    assert "ab" * 32 in text
    assert "cd" * 32 in text
    assert "practicum 0.1.0" in text
    assert "unsupervised" in text


def test_trust_pack_is_the_same_bytes_again(desk, trust):
    issuer = Issuer(desk.did, "Gulls' Quay Practicum", (desk.multikey,), sample=True)
    before = read_trust_pack(trust).fingerprint
    assert write_trust_pack(trust, [issuer]) == before


def test_trust_pack_keeps_an_older_issuer(desk, tmp_path, signed):
    write_trust_pack(tmp_path, [Issuer(desk.did, "Old key", (desk.multikey,))])
    newer = Desk(9)
    write_trust_pack(tmp_path, [Issuer(newer.did, "New key", (newer.multikey,))])
    assert set(read_trust_pack(tmp_path).issuers) == {desk.did, newer.did}
    assert verdicts(signed, read_trust_pack(tmp_path))[0].valid


def test_a_pin_is_held(trust):
    pin = read_trust_pack(trust).fingerprint
    assert read_trust_pack(trust, pin.upper()).fingerprint == pin
    with pytest.raises(GraderError, match="has the fingerprint"):
        read_trust_pack(trust, "00" * 32)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"id": "did:key', b'"id": "did:xyz', "damaged"),
        (b"issuers/", b"../secret/", "no file of a trust pack"),
        (b"practicum-trust-pack/1", b"practicum-trust-pack/9", "format"),
        (b"3d34f4d4", b"00000000", "not the context it says"),
        (b'"contexts": [', b'"contexts": [ {', "damaged"),
    ],
)
def test_a_damaged_trust_pack(trust, tmp_path, old, new, reason):
    copy_trust(trust, tmp_path)
    index = tmp_path / "trust.json"
    index.write_bytes(index.read_bytes().replace(old, new))
    with pytest.raises(GraderError, match=reason):
        read_trust_pack(tmp_path)


def test_a_trust_pack_that_lacks_a_file(trust, tmp_path):
    for name in ("contexts/credentials-v2.json", "trust.json"):
        copy_trust(trust, tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(GraderError, match=r"damaged|not found"):
            read_trust_pack(tmp_path)


def test_a_key_swapped_in_the_trust_pack(desk, trust, tmp_path):
    copy_trust(trust, tmp_path)
    thief = Desk(9)
    document = next((tmp_path / "issuers").iterdir())
    document.write_text(document.read_text().replace(desk.multikey, thief.multikey))
    with pytest.raises(GraderError, match="damaged"):
        read_trust_pack(tmp_path)


def copy_trust(trust, to):
    for path in trust.rglob("*"):
        if path.is_file():
            target = to / path.relative_to(trust)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())


@pytest.fixture
def badge(signed, tmp_path):
    file = tmp_path / "badge.json"
    file.write_text(json.dumps(signed))
    return file


def test_the_command_prints_five_lines(badge, trust):
    result = CliRunner().invoke(command, ["verify", str(badge), "--trust", str(trust), "--person", "ada@example.org"])
    assert result.exit_code == 0, result.output
    for title in ("untampered:", "issuer known:", "in date:", "not revoked:", "belongs to this person:"):
        assert title in result.output
    assert "no status list yet" in result.output
    assert "for Ada Sample" in result.output


def test_the_command_answers_in_json(badge, trust):
    result = CliRunner().invoke(command, ["verify", str(badge), "--trust", str(trust), "--json"])
    facts = json.loads(result.output)
    assert facts["valid"] is True
    assert [facts[name] for name in LINES] == ["pass", "pass", "pass", "unknown", "unknown"]
    badge.write_bytes(badge.read_bytes().replace(b"86.4", b"96.4"))
    result = CliRunner().invoke(command, ["verify", str(badge), "--trust", str(trust), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)["untampered"] == "fail"


def test_the_command_refuses_a_wrong_pin(badge, trust):
    result = CliRunner().invoke(command, ["verify", str(badge), "--trust", str(trust), "--pin", "beef"])
    assert result.exit_code == 1
    assert isinstance(result.exception, GraderError)


def test_a_missing_file_is_a_mistake_of_usage(trust):
    assert CliRunner().invoke(command, ["verify", "nowhere.json", "--trust", str(trust)]).exit_code == 2
    assert CliRunner().invoke(command, ["verify"]).exit_code == 2


def test_the_fingerprint_command(trust):
    result = CliRunner().invoke(command, ["fingerprint", str(trust)])
    assert result.output.strip() == read_trust_pack(trust).fingerprint
