"""What comes for a local part before it runs. Its start travels by way of the console process and may have to fetch the unit; events of
the person, news of the remote part and its CALLs come by shorter ways. They wait here and are taken in their order."""

from __future__ import annotations

from hisee.channel import Message
from hisee.channel.payloads import RemoteDown, RemoteUp
from hisee.schema.messages import MessageKind as Kind

News = RemoteUp | RemoteDown
MOST_NEWS = 10_000  # of objects that nobody starts: closed at once, or refused


class Arrivals:
    """By number of the opened object. `most`: messages kept for one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._news: dict[int, News] = {}
        self._held: dict[int, list[Message]] = {}
        self._starting: set[int] = set()

    def expect(self, number: int) -> None:
        """The order to start it has come."""
        self._starting.add(number)

    def expects(self, number: int) -> bool:
        """False = it was closed meanwhile, or nobody wants it."""
        return number in self._starting

    def told(self, number: int, news: News) -> None:
        """The newest word about its remote part."""
        self._news.pop(number, None)
        self._news[number] = news
        if len(self._news) > MOST_NEWS:
            self.forget(next(iter(self._news)))

    def takes(self, message: Message) -> bool:
        """Is it for one that is about to start, and kept until then? False as well when too many wait for it."""
        number = message.target
        if number not in self._starting and number not in self._news:
            return False
        held = self._held.setdefault(number, [])
        if len(held) >= self._most:
            return False
        held.append(message)
        return True

    def begin(self, number: int) -> tuple[News | None, list[Message]]:
        """It runs from now on."""
        news = self._news.get(number)
        return news, self.forget(number)

    def forget(self, number: int) -> list[Message]:
        """It will not run: what waited for it."""
        self._starting.discard(number)
        self._news.pop(number, None)
        return self._held.pop(number, [])

    def cut_off(self) -> None:
        """Another server: what the former one told and sent is void, what the person did is not."""
        self._news.clear()
        for number, messages in list(self._held.items()):
            self._held[number] = [message for message in messages if message.kind == Kind.PICTURE_EVENT]
            if number not in self._starting:
                del self._held[number]
