"""Who is told how far a run is, in tests that do not ask."""

from __future__ import annotations


class Silent:
    """Nobody watches."""

    def stage(self, name: str) -> None:
        pass

    def __call__(self, done: int, total: int, what: str) -> None:
        pass
