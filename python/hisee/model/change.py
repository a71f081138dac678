"""What a change of an object's parts brings with it, and how a folder and a store are merged. Pure: no database, no compiler."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hisee.model.layout import TASKS_FILE, Layout, Parts, default_path
from hisee.model.names import EVENT, LOCAL_PART, PICTURE, REMOTE_PART, TASKS, address, fold
from hisee.model.problem import BAD_PART, Problem
from hisee.model.toggle import comment_out_bytes

TAKE = ("folder", "store")


class Imported(NamedTuple):
    """Digests of an object at its last import: of the folder's content, and of what the store made of it."""

    folder: str
    store: str


@dataclass(slots=True)
class Merge:
    """The layout that an import leads to, and what happened to each object (names, in order)."""

    layout: Layout = field(default_factory=Layout)
    taken: list[str] = field(default_factory=list)  # from the folder
    kept: list[str] = field(default_factory=list)  # changed in the store only
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)  # changed on both sides and not decided
    toggled: list[str] = field(default_factory=list)  # remote text went into comments


def is_split(parts: Parts) -> bool:
    """Does a remote part of this object run? False as well where its TOML cannot be read: the gate refuses it anyway."""
    try:
        if PICTURE in parts.parts:
            return tomllib.loads(parts.parts[PICTURE].decode("utf-8-sig")).get("server_script") is True
        if EVENT in parts.parts:
            return tomllib.loads(parts.parts[EVENT].decode("utf-8-sig")).get("event_type") == "client_and_server"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
    return False


def apply_toggle(old: Parts | None, new: Parts, *, again: bool = False) -> bool:
    """Move the remote text of `new` into its local one when Server Script went off since `old`; True when it did.

    again: also when it was off already and a remote text came back, as in a folder whose remote.esl still lies there.
    """
    if old is None or is_split(new):
        return False
    came_back = again and REMOTE_PART in new.parts and REMOTE_PART not in old.parts
    if not is_split(old) and not came_back:
        return False
    remote = new.parts.get(REMOTE_PART) or old.parts.get(REMOTE_PART, b"")
    if LOCAL_PART in new.parts:
        new.parts[LOCAL_PART] = comment_out_bytes(new.parts[LOCAL_PART], remote)
    new.drop(REMOTE_PART)
    return True


def put_tasks(layout: Layout, changes: Mapping[str, bytes | str]) -> bool:
    """Put a new tasks.py (address APP:TASKS) into `layout`; True when it is another text."""
    before = layout.files.get(TASKS_FILE)
    for place, data in changes.items():
        if address(place).part == TASKS:
            layout.files[TASKS_FILE] = data.encode() if isinstance(data, str) else data
    return layout.files.get(TASKS_FILE) != before


def put_parts(layout: Layout, changes: Mapping[str, bytes | str]) -> dict[str, bool]:
    """Put new parts, keyed by address, into `layout`; returns each object's name and whether it really changed."""
    before: dict[str, Parts] = {}
    for place, data in changes.items():
        name, part = address(place)
        old = layout.find(name) or Parts(name)
        before.setdefault(old.name, old)
        new = layout.objects[old.name] = old.copy()
        new.put(part, new.paths.get(part) or _path(new, part, changes), data.encode() if isinstance(data, str) else data)
    for name, old in before.items():
        whole = any(address(a).part in (PICTURE, EVENT) for a in changes if fold(address(a).object) == fold(name))
        apply_toggle(old if old.parts else None, layout.objects[name], again=whole)
    return {name: layout.objects[name].digest != old.digest for name, old in before.items()}


def _path(parts: Parts, part: str, changes: Mapping[str, bytes | str]) -> str:
    event = EVENT in parts.parts or any(address(a) == (parts.name, EVENT) for a in changes)
    return default_path(parts.name, part, "event" if event else "picture")


def inactive(layout: Layout, changes: Mapping[str, bytes | str]) -> list[dict[str, Any]]:
    """A warning for each saved remote part that no SEE will run."""
    found = []
    for place in changes:
        parts = layout.find(address(place).object)
        if address(place).part == REMOTE_PART and parts is not None and REMOTE_PART in parts.parts and not is_split(parts):
            found.append(
                {
                    **Problem(
                        code=BAD_PART,
                        file=parts.paths[REMOTE_PART],
                        severity="warning",
                        text="is kept but not used: the object has no remote part",
                        hint='set server_script = true, or event_type = "client_and_server"',
                    ).diagnostic(),
                    "part": place,
                }
            )
    return found


def merge(folder: Layout, stored: Layout, imported: Mapping[str, Imported], take: str | None) -> Merge:
    """Decide object by object; `imported` is keyed by the folded name. Files that belong to no object follow the folder."""
    result = Merge(Layout(files=dict(folder.files)))
    mine = {fold(name): parts for name, parts in stored.objects.items()}
    for name, new in folder.objects.items():
        _merge_one(result, name, new, mine.pop(fold(name), None), imported.get(fold(name)), take)
    for key, old in mine.items():
        _only_stored(result, old, imported.get(key), take)
    return result


def merge_files(result: Merge, stored: Layout, last: Imported | None, take: str | None) -> Imported:
    """Where several computers import, the files that belong to no object are merged as if they were one; returns what to note of them."""
    folder = result.layout.files
    mine, theirs = digest(folder), digest(stored.files)
    if not stored.files or mine == theirs or (last is not None and theirs == last.store):
        return Imported(mine, mine)  # only the folder has changed, or nothing
    if take == "folder":
        return Imported(mine, mine)
    if take != "store" and (last is None or mine != last.folder):
        result.conflicts += sorted(path for path in folder.keys() | stored.files.keys() if folder.get(path) != stored.files.get(path))
    result.layout.files = dict(stored.files)
    if take == "store":  # a later edit of the folder asks again
        return Imported(mine, last.store if last else "")
    return Imported(mine, theirs)


def digest(files: Mapping[str, bytes]) -> str:
    sha = hashlib.sha256()
    for piece in (piece for path in sorted(files) for piece in (path.encode(), files[path])):
        sha.update(len(piece).to_bytes(8, "little"))
        sha.update(piece)
    return sha.hexdigest()


def _merge_one(result: Merge, name: str, new: Parts, old: Parts | None, last: Imported | None, take: str | None) -> None:
    folder_changed = last is None or new.digest != last.folder
    if old is None and not folder_changed and take != "folder":  # removed by another computer's import
        result.kept.append(name)
        return
    store_changed = old is not None and (last is None or old.digest != last.store)
    if old is None or (folder_changed and (not store_changed or take == "folder")):
        if old is not None and old.digest == new.digest:
            result.unchanged.append(name)
        else:
            result.taken.append(name)
            new = new.copy()
            if apply_toggle(old, new, again=True):
                result.toggled.append(name)
        result.layout.objects[name] = new
        return
    result.layout.objects[old.name] = old
    if old.digest == new.digest or not (folder_changed or store_changed):
        result.unchanged.append(old.name)
    elif not folder_changed or take == "store":
        result.kept.append(old.name)
    else:
        result.conflicts.append(old.name)


def _only_stored(result: Merge, old: Parts, last: Imported | None, take: str | None) -> None:
    """An object that the folder lacks: made in the system, or deleted from the folder since the last import."""
    if last is not None and (old.digest == last.store or take == "folder"):
        result.removed.append(old.name)
        return
    result.layout.objects[old.name] = old
    if last is None or take == "store":
        result.kept.append(old.name)
    else:
        result.conflicts.append(old.name)
