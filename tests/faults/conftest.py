import pytest


@pytest.fixture(autouse=True)
def compiled_apart(monkeypatch):
    """A command that is killed, or has no room on the disk, leaves the other tests' compiled programs alone."""
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.delenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", raising=False)
