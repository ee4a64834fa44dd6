"""The releases of tests/release, to publish months from."""

from tests.release.conftest import make_release

__all__ = ["make_release"]
