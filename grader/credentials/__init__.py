"""Certificates: Open Badges 3.0 credentials, their signing, their verifying, trust packs."""
