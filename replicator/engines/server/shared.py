"""A function's results, remembered, and each worked out once however many threads ask for it at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import lru_cache
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Shared(Generic[_T]):
    """As `functools.lru_cache`, which remembers what is done but does not share what is under way."""

    def __init__(self, function: Callable[..., _T], most: int) -> None:
        """`most`: how many results are remembered. What raises is not."""
        self._remembered = lru_cache(maxsize=most)(function)
        self._lock = threading.Lock()
        self._under_way: dict[tuple[Hashable, ...], Future[_T]] = {}

    def __call__(self, *arguments: Hashable) -> _T:
        mine: Future[_T] = Future()
        with self._lock:
            found = self._under_way.setdefault(arguments, mine)
        if found is not mine:
            return found.result()
        try:
            result = self._remembered(*arguments)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(result)
            return result
        finally:
            with self._lock:
                del self._under_way[arguments]
