"""What all tests share: examples that hypothesis draws are the same in every run."""

from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None)
settings.load_profile("same")
