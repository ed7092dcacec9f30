"""The heat loop: plugs of hot water under way."""
