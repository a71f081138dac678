"""Opened objects of one stored version have its drawing, handlers and first state in common, and nothing that changes."""

from __future__ import annotations

import asyncio

from hisee.channel.payloads import pack
from hisee.console import opened as module
from hisee.schema.messages import MessageKind as Kind

from .parts import HIS, FakeLink, Stage, opened_reply


def number_for(stage: Stage, number: int, **changes: object) -> None:
    link: FakeLink = stage.server
    link.answers[Kind.OPEN] = pack(opened_reply(opened=number, his=number, his_name=f"WS1_{number}.HIS", **changes))


def test_two_pictures_share_what_is_stored_and_not_what_is_shown() -> None:
    async def body() -> None:
        stage = Stage()
        one = await stage.open()
        number_for(stage, HIS + 1)
        other = await stage.open()
        assert one.reply.svg is other.reply.svg and one.handlers is other.handlers and one.reply.variables is other.reply.variables
        one.picture.set(2, "text", "of one")
        number_for(stage, HIS + 2)
        third = await stage.open()
        shown = [opened.picture.get(2, "text") for opened in (one, other, third)]
        assert shown == ["of one", "ready", "ready"]
        assert one.picture.since(0)[-1] == ("Lbl", "text", "of one") and not other.picture.items[1].changed

    asyncio.run(body())


def test_the_same_number_of_a_version_with_other_contents_is_another_one() -> None:
    """Another server may have stored something else under it."""
    async def body() -> None:
        stage = Stage()
        one = await stage.open()
        number_for(stage, HIS + 1, local_unit="dd", handlers={"L": ["OnTimer"]})
        other = await stage.open()
        assert other.handlers is not one.handlers
        assert one.handlers.of("L", "OnClick", "BtnGo") and not other.handlers.of("L", "OnClick", "BtnGo")

    asyncio.run(body())


def test_what_is_kept_of_versions_is_bounded() -> None:
    async def body() -> None:
        stage = Stage()
        for version in range(2 * module.VERSIONS):
            number_for(stage, HIS + version, version=version)
            await stage.open()
        assert len(module._stored) == module.VERSIONS
        assert ("S.Test", 2 * module.VERSIONS - 1) in module._stored

    asyncio.run(body())
