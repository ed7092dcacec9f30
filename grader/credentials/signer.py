"""The one process that reads the signing key: ``python -m grader.credentials.signer``.

It gets the encrypted key and its passphrase by file descriptor, so that neither stands in an
argument or in the environment. Requests are JSON objects on standard input, one a line:

    {"issuer": true}                  -> {"ok": true, "did": "did:key:z6Mk…", "multikey": "z6Mk…"}
    {"sign": {…}, "created": "…"}     -> {"ok": true, "document": {… with its proof}}

and ``{"ok": false, "error": "…"}`` where it refuses. It signs certificates of its own issuer only.
"""

import argparse
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from grader.credentials.canonical import UnsoundError
from grader.credentials.keyfile import create_key, open_key
from grader.credentials.multikey import did_key, to_multikey, verification_method
from grader.credentials.openbadge import refuse_incomplete
from grader.credentials.proof import sign
from grader.errors import GraderError


def answer(request: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """What the signer says to one request."""
    multikey = to_multikey(key.public_key())
    did = did_key(multikey)
    if request.get("issuer"):
        return {"ok": True, "did": did, "multikey": multikey}
    document = request.get("sign")
    if not isinstance(document, dict):
        return {"ok": False, "error": "not a request"}
    try:
        refuse_incomplete(document)
        if document["issuer"]["id"] != did:
            return {"ok": False, "error": "the certificate names another issuer than this key's"}
        created = datetime.fromisoformat(request["created"])
        signed = sign(document, key, verification_method=verification_method(did, multikey), created=created)
    except (UnsoundError, KeyError, ValueError, TypeError) as refusal:
        return {"ok": False, "error": str(refusal)}
    return {"ok": True, "document": signed}


def main() -> int:
    """Serve requests until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m grader.credentials.signer")
    parser.add_argument("--passphrase-fd", type=int, required=True)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("--key-fd", type=int)
    chosen.add_argument("--create", type=Path, help="draw a new key into this file, then serve it")
    options = parser.parse_args()
    # Ctrl-C is for whoever asks; this process ends when its standard input does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        passphrase = _read(options.passphrase_fd).decode("utf-8")
        if options.create is not None:
            create_key(options.create, passphrase)
            content = options.create.read_bytes()
        else:
            content = _read(options.key_fd)
        key = open_key(content, passphrase)
    except GraderError as refusal:
        _say({"ok": False, "where": refusal.where, "error": refusal.found, "then": refusal.then})
        return 1
    _say({"ok": True})
    for line in sys.stdin:
        _say(answer(json.loads(line), key))
    return 0


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
