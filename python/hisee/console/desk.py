"""What the scripts say to the operator: messages (MESSAGE) and questions (QUERY) of one console, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hisee.console.picture import VisualError
from hisee.schema import constants
from hisee.schema.errors import Err
from hisee.seams import Clock

KEPT = 200
QUESTIONS = 100
LONGEST = 2_000
CHOICES = {"yes": "_Q_YES", "no": "_Q_NO", "dontknow": "_Q_DONTKNOW"}


def choice_number(name: str) -> int:
    return int(constants.BY_NAME[name].value)


@dataclass(slots=True)
class Question:
    id: int
    text: str
    source: str
    opened: int
    single: bool
    time_ms: int
    answer: Callable[[int], None]
    timer: asyncio.TimerHandle | None = None

    def row(self) -> dict[str, Any]:
        return {"id": self.id, "text": self.text, "source": self.source, "single": self.single, "time_ms": self.time_ms}


class Desk:
    """Messages newest last; questions by number until answered, timed out, or their object closed."""

    def __init__(self, clock: Clock, told: Callable[[], None] = lambda: None) -> None:
        self._clock, self._told = clock, told
        self.messages: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.questions: dict[int, Question] = {}
        self.version = 0  # grows with every change: pages compare it
        self._last = 0

    def note(self, text: str, source: str = "") -> None:
        self._last += 1
        self.messages.append({"id": self._last, "text": text[:LONGEST], "source": source, "time_ms": self._clock.now_ms()})
        self._changed()

    def ask(self, text: str, source: str, opened: int, seconds: float | None, answer: Callable[[int], None], *,
            single: bool = False) -> Question:
        """Put a question; `answer` is called once. Raises VisualError when too many wait."""
        if len(self.questions) >= QUESTIONS:
            raise VisualError(Err.ERR_TRANS_ABORT, f"{QUESTIONS} questions wait already")
        self._last += 1
        question = Question(self._last, text[:LONGEST], source, opened, single, self._clock.now_ms(), answer)
        if seconds is not None:
            question.timer = asyncio.get_running_loop().call_later(max(0.0, seconds), self._end, question.id, "_Q_TIMEOUT")
        self.questions[question.id] = question
        self._changed()
        return question

    def answer(self, question: int, choice: str) -> bool:
        """`choice` is yes, no or dontknow. False = that question is no longer there."""
        return self._end(question, CHOICES[choice])

    def forget(self, opened: int) -> None:
        """The object closed: nobody waits for its questions any more."""
        for question in [q for q in self.questions.values() if q.opened == opened]:
            self._end(question.id, "_Q_TIMEOUT")

    def _end(self, number: int, choice: str) -> bool:
        question = self.questions.pop(number, None)
        if question is None:
            return False
        if question.timer is not None:
            question.timer.cancel()
        question.answer(choice_number(choice))
        self._changed()
        return True

    def _changed(self) -> None:
        self.version += 1
        self._told()
