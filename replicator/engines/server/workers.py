"""Several requests at a time: in order, the first failure stops all, and an interruption waits for none of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def each(
    function: Callable[[_In], _Out], items: Sequence[_In], *, at_once: int, stop: Callable[[], None]
) -> list[_Out]:
    """The function of every item, begun in order, `at_once` at a time. Raises what was raised first.

    `stop` is called as soon as anything is raised, or the wait is interrupted, so that the others give up. The
    threads are daemons: those of a ThreadPoolExecutor are joined when the process ends, and a Ctrl-C would wait for
    every request under way.
    """
    if len(items) <= 1 or at_once == 1:
        return [function(item) for item in items]
    todo: SimpleQueue[int] = SimpleQueue()
    for place in range(len(items)):
        todo.put(place)
    found: dict[int, _Out] = {}
    ended: SimpleQueue[BaseException | None] = SimpleQueue()

    def work() -> None:
        try:
            while True:
                place = todo.get_nowait()
                found[place] = function(items[place])
        except Empty:
            ended.put(None)
        except BaseException as error:
            ended.put(error)

    count = min(at_once, len(items))
    try:
        for _ in range(count):
            threading.Thread(target=work, daemon=True).start()
        for _ in range(count):
            if (error := ended.get()) is not None:
                raise error
    except BaseException:
        stop()
        raise
    return [found[place] for place in range(len(items))]
