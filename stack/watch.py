"""Services that must stay up: one that ends is started again, later each time it ends soon, and the page says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stack.layout import Layout
from stack.service import Service, ServiceError

FIRST_WAIT, LONGEST_WAIT = 2.0, 300.0  # seconds before a service is started again; doubled from time to time
STEADY = 600.0  # seconds after which a service that stays up has no past


@dataclass
class _Watched:
    service: Service
    n_ends: int = 0  # since it last stayed up
    due: float | None = None  # when it is started again; None while it is up
    since: float = 0.0  # when it came up again


@dataclass
class Watch:
    """The services of `make serve` and what happened to them.

    `look` is called every few seconds. `clock`: seconds, steady.
    """

    layout: Layout
    services: Sequence[Service]
    clock: Callable[[], float] = time.monotonic
    _watched: list[_Watched] = field(init=False)

    def __post_init__(self) -> None:
        self._watched = [_Watched(service) for service in self.services]
        _file(self.layout).unlink(missing_ok=True)  # of a command before this one

    def look(self) -> list[str]:
        """Start again what is due, and note what has ended. Returns a line for each event, for the terminal."""
        said = [line for watched in self._watched if (line := self._look_at(watched))]
        if said:
            self._tell()
        return said

    def _look_at(self, watched: _Watched) -> str | None:
        service, now = watched.service, self.clock()
        if watched.due is None:
            if service.is_alive():
                if watched.n_ends and now - watched.since > STEADY:
                    watched.n_ends = 0
                    return f"✓ {service.name} has stayed up since it was started again"
                return None
            wait = self._wait(watched)
            return f"✗ {service.name} has ended by itself; it is started again in {wait:.0f} s. Its log: {service.log}"
        if now < watched.due:
            return None
        try:
            service.stop()  # what it has left
            service.start()
        except ServiceError as error:
            wait = self._wait(watched)
            return f"✗ {error}\n  next attempt in {wait:.0f} s"
        watched.due, watched.since = None, self.clock()
        return f"✓ {service.name} is up again"

    def _wait(self, watched: _Watched) -> float:
        wait = min(FIRST_WAIT * 2.0**watched.n_ends, LONGEST_WAIT)
        watched.n_ends, watched.due = watched.n_ends + 1, self.clock() + wait
        return wait

    def _tell(self) -> None:
        """Leave for the landing page what is down or has been."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        ended = {
            watched.service.name: {"n_ends": watched.n_ends, "is_up": watched.due is None, "at": at}
            for watched in self._watched
            if watched.n_ends
        }
        path = _file(self.layout)
        path.parent.mkdir(parents=True, exist_ok=True)
        writing = path.with_suffix(".writing")
        writing.write_text(json.dumps(ended), encoding="utf-8")
        writing.replace(path)


def _file(layout: Layout) -> Path:
    return layout.state / "run" / "watched.json"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def told(layout: Layout) -> list[str]:
    """One line, Chinese and English, for each service that is down or was started again lately."""
    path = _file(layout)
    ended = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [
        f"{name}：曾自行退出{each['n_ends']}次，已恢复（{each['at']}）。 "
        f"{name} ended by itself {_times(each['n_ends'])} and is up again ({each['at']})."
        if each["is_up"]
        else f"{name}：已停止，正在重启（第{each['n_ends']}次，{each['at']}）。 "
        f"{name} is down and is being started again (attempt {each['n_ends']}, {each['at']})."
        for name, each in ended.items()
    ]
