"""A model without pictures: it takes words and answers with messages, as a policy or a language model would."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

from reactor_runtime import (
    ClientInfo,
    CommandError,
    InputField,
    MessageField,
    ModelMessage,
    ReactorModel,
    connected,
    event,
)


@dataclass(frozen=True)
class Word:
    text: str
    count: int


@dataclass
class Summary(ModelMessage):
    """What has been said so far."""

    words: list[Word] = MessageField(description="The most frequent first")
    length: dict[str, int] = MessageField(description="Words by person")
    last: str | None = None


@dataclass
class Token(ModelMessage):
    """The next word of the story."""

    index: int
    text: str


class Narrator(ReactorModel):
    def load(self, config: dict[str, Any]) -> None:
        self.more = asyncio.Event()
        self.forget()

    def forget(self) -> None:
        self.said: list[tuple[int, str]] = []
        self.story: list[str] = []
        self.told = 0

    @connected
    async def welcome(self, client: ClientInfo) -> None:
        await client.send(self.summary())

    @event(name="say", description="Add a line to the story")
    async def say(self, client: ClientInfo | None, line: str = InputField(min_length=1, max_length=200)) -> Summary:
        words = line.split()
        if not words:
            raise CommandError("empty", "a line needs a word")
        self.said += [(client.id if client else 0, word.lower()) for word in words]
        self.story += words
        self.more.set()
        await self.send(self.summary())
        return self.summary()

    @event(name="forget", description="Begin a new story")
    async def begin_anew(self) -> None:
        self.forget()

    def summary(self) -> Summary:
        counts = Counter(word for _, word in self.said)
        by_person = Counter(str(person) for person, _ in self.said)
        return Summary(
            words=[Word(text, count) for text, count in counts.most_common(5)],
            length=dict(by_person),
            last=self.said[-1][1] if self.said else None,
        )

    async def run(self) -> None:
        while True:
            await self.more.wait()
            self.more.clear()
            while self.told < len(self.story):
                self.told += 1
                await self.send(Token(index=self.told - 1, text=self.story[self.told - 1]))
