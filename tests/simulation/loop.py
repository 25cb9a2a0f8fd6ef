"""A virtual event loop whose order a seed decides, and which knows processes that are frozen or dead.

Time jumps to the next sleeper, as in `tests.support.virtual`. What is ready at the same moment is carried out
in an order drawn from the seed: whatever works only in asyncio's own order is found. Nothing else is left to
chance: tasks and futures hash to their number instead of their address, so sets of them are walked alike in
each run, and what would go to a thread is carried out on the loop, some virtual time later.

**Processes.** Every callback bears the context in which it was made, and the context names the `Life` that it
belongs to. The callbacks of a dead process are dropped, as `kill -9` drops them: no `finally` is run, nothing
is released or said. Those of a frozen one (`SIGSTOP`) are held back until it thaws, timers included: then all
that has become ready meanwhile is ready at once. What belongs to no process is the world, which goes on.
"""

import asyncio
import random
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, cast

_Result = TypeVar("_Result")
_Ts = TypeVarTuple("_Ts")

# How long a thread takes to be at its work, and how long until the loop hears of it (virtual seconds).
_THREAD = (0.0002, 0.004)


class Life:
    """One process of the bot, as the loop sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.is_frozen = False
        self.held: list[asyncio.Handle] = []  # what became ready while it was frozen
        self.context: Context = copy_context()
        self.context.run(_LIFE.set, self)

    def __str__(self) -> str:
        return self.name


_LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


def current_life() -> Life | None:
    """The process that is at work now; None: the world itself."""
    return _LIFE.get()


class SeededLoop(asyncio.SelectorEventLoop):
    """The event loop of one simulation, in virtual time that begins at 0."""

    def __init__(self, order: random.Random) -> None:
        self._idle = _NeverWaiting()
        super().__init__(self._idle)
        self._order = order
        self._numbers = count(1)
        # The one place where asyncio keeps what is ready; its order is a promise that nobody should need.
        self._ready = _OutOfOrder(order)
        self._busy_until: dict[int, float] = {}  # by the identity of an executor with a single thread
        self._world = copy_context()
        self.set_task_factory(self._numbered_task)

    @property
    def carried_out(self) -> int:
        """How many callbacks there were: the same number in each run of a seed."""
        return self._ready.taken

    def time(self) -> float:
        return self._idle.passed

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(next(self._numbers), self)

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There are no threads, so nobody has to be woken."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*_Ts], _Result], *args: *_Ts
    ) -> asyncio.Future[_Result]:
        """As if a thread did it: some time later, in turn where there is only one thread.

        Whoever is cancelled before it has begun takes it out of the queue; once begun, it is carried out.
        """
        future: asyncio.Future[_Result] = self.create_future()
        begins = self.time() + self._order.uniform(*_THREAD)
        if getattr(executor, "_max_workers", 0) == 1:
            begins = max(begins, self._busy_until.get(id(executor), 0.0) + 1e-6)
            self._busy_until[id(executor)] = begins
        self.call_at(begins, self._work, future, func, args)
        return future

    def in_world(self, coroutine: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """A task that belongs to no process, whoever starts it."""
        return self.create_task(coroutine, context=self._world.copy())

    def later_in_world(self, seconds: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Happens whatever becomes of the process that caused it."""
        return self.call_later(seconds, callback, *args, context=self._world.copy())

    def thaw(self, life: Life) -> None:
        life.is_frozen = False
        held, life.held = life.held, []
        for handle in held:
            self._ready.append(handle)

    def _work(self, future: asyncio.Future[_Result], func: Callable[..., _Result], args: Any) -> None:
        if future.cancelled():
            return
        later = self._order.uniform(*_THREAD)
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - the thread's; it belongs to whoever waits
            self.call_later(later, _set, future.set_exception, future, error)
        else:
            self.call_later(later, _set, future.set_result, future, result)

    def _numbered_task(
        self, _loop: asyncio.AbstractEventLoop, coroutine: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        return _Task(next(self._numbers), coroutine, self, context)


def _set(setter: Callable[[Any], None], future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        setter(value)


class _Task(asyncio.Task[Any]):
    def __init__(self, number: int, coroutine: Any, loop: SeededLoop, context: Context | None) -> None:
        self.number = number
        super().__init__(coroutine, loop=loop, context=context)

    def __hash__(self) -> int:
        return self.number


class _Future(asyncio.Future[Any]):
    def __init__(self, number: int, loop: SeededLoop) -> None:
        self.number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self.number


class _NeverWaiting(selectors.DefaultSelector):
    """There is nothing outside that could happen, so time passes at once."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing is left that could happen")
        self.passed += max(0.0, timeout)
        return []


class _OutOfOrder:
    """What is ready, taken out in an order that chance decides."""

    def __init__(self, order: random.Random) -> None:
        self.taken = 0
        self._order = order
        self._handles: list[asyncio.Handle] = []

    def __len__(self) -> int:
        return len(self._handles)

    def append(self, handle: asyncio.Handle) -> None:
        life = _life_of(handle)
        if life is None or life.is_alive:
            self._handles.append(handle)

    def popleft(self) -> asyncio.Handle:
        handles = self._handles
        last = len(handles) - 1
        if last:
            chosen = int(self._order.random() * (last + 1))
            handles[chosen], handles[last] = handles[last], handles[chosen]
        handle = handles.pop()
        self.taken += 1
        life = _life_of(handle)
        if life is None or not (life.is_frozen or not life.is_alive):
            return handle
        if life.is_alive:
            life.held.append(handle)
        return cast("asyncio.Handle", _NOTHING)

    def clear(self) -> None:
        self._handles.clear()


def _life_of(handle: asyncio.Handle) -> Life | None:
    context: Context = handle._context  # type: ignore[attr-defined]
    return context.get(_LIFE)


class _Nothing:
    """Stands in for a callback that is not to be called."""

    _cancelled = True


_NOTHING = _Nothing()
