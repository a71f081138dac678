"""Which file belongs to which part of which object. An application is a mapping of relative paths to bytes; this cuts it
into objects and joins it again, byte for byte. Looks into no file but objects.toml."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hisee.model import reader
from hisee.model.names import CSV, EVENT, LOCAL_PART, OBJECT, PICTURE, REMOTE_PART, SQL, SVG, fold
from hisee.model.problem import NO_FILE, STRAY_FILE, Findings, NoApplication

APP_FILE, OBJECTS_FILE, TASKS_FILE = "app.toml", "objects.toml", "tasks.py"
FOLDERS = {
    "pictures": {"picture.toml": PICTURE, "picture.svg": SVG, "local.esl": LOCAL_PART, "remote.esl": REMOTE_PART},
    "events": {"event.toml": EVENT, "local.esl": LOCAL_PART, "script.esl": LOCAL_PART, "remote.esl": REMOTE_PART},
}
NEEDED = {"pictures": ("picture.toml", "picture.svg", "local.esl"), "events": ("event.toml",)}
DATA_PARTS = {".sql": SQL, ".csv": CSV}
DATA_MARKS = ("engine.db", "sockets")  # a folder with one of them is some system's data directory, whatever its name
SKIPPED_FOLDERS = {"__pycache__", "node_modules"}


@dataclass(slots=True)
class Parts:
    """The stored side of one object: its parts, and the file each part comes from."""

    name: str
    parts: dict[str, bytes] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    line: int = 1  # of its table in objects.toml

    def put(self, part: str, path: str, data: bytes) -> None:
        self.parts[part] = data
        self.paths[part] = path

    def drop(self, part: str) -> None:
        self.parts.pop(part, None)
        self.paths.pop(part, None)

    def copy(self) -> Parts:
        return Parts(self.name, dict(self.parts), dict(self.paths), self.line)

    @property
    def digest(self) -> str:
        """SHA-256 over all parts: equal content, equal digest."""
        sha = hashlib.sha256()
        for part in sorted(self.parts):
            for piece in (part.encode(), self.paths[part].encode(), self.parts[part]):
                sha.update(len(piece).to_bytes(8, "little"))
                sha.update(piece)
        return sha.hexdigest()


@dataclass(slots=True)
class Layout:
    """An application cut into objects (in the order of the files) and files that belong to none."""

    objects: dict[str, Parts] = field(default_factory=dict)  # by exact name
    files: dict[str, bytes] = field(default_factory=dict)

    def find(self, name: str) -> Parts | None:
        found = self.objects.get(name)
        if found is None:
            key = fold(name)
            found = next((o for n, o in self.objects.items() if fold(n) == key), None)
        return found

    def join(self) -> dict[str, bytes]:
        """Every file of the application, by relative path."""
        files = dict(self.files)
        for item in self.objects.values():
            for part, data in item.parts.items():
                if part != OBJECT:
                    files[item.paths[part]] = data
        text = self._objects_file()
        if text or OBJECTS_FILE in self.files:
            files[OBJECTS_FILE] = text
        return dict(sorted(files.items()))

    def _objects_file(self) -> bytes:
        text = self.files.get(OBJECTS_FILE, b"")
        for item in self.objects.values():
            segment = item.parts.get(OBJECT)
            if segment is not None:
                text += (b"\n" if text and not text.endswith(b"\n") else b"") + segment
        return text


def read_folder(root: Path) -> dict[str, bytes]:
    """Every file of the folder by relative path, without hidden ones; raises NoApplication when app.toml is missing."""
    if not (root / APP_FILE).is_file():
        raise NoApplication(f"{root} is no application: it has no {APP_FILE}", hint="`hisee new PATH` makes one")
    return {str(PurePosixPath(path.relative_to(root))): path.read_bytes() for path in _walk(root)}


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith(("~", ".pyc")):
            continue
        if path.is_dir():
            if not path.is_symlink() and path.name not in SKIPPED_FOLDERS and not any((path / f).exists() for f in (APP_FILE, *DATA_MARKS)):
                yield from _walk(path)
        elif path.is_file():
            yield path


def cut(files: Mapping[str, bytes], findings: Findings) -> Layout:
    """Sort `files` into objects; files that fit nowhere go to `findings`."""
    layout = Layout()
    _cut_objects_file(files.get(OBJECTS_FILE), layout, findings)
    for path, data in files.items():
        steps = path.split("/")
        if steps[0] in FOLDERS:
            _cut_folder(steps, path, data, layout, findings)
        elif steps[0] == "interfaces" and len(steps) == 2 and path.endswith(".esl"):
            name = steps[1].removesuffix(".esl")
            layout.objects.setdefault(name, Parts(name)).put(LOCAL_PART, path, data)
        elif not (steps[0] == "data" and _cut_data(steps, path, data, layout)) and path != OBJECTS_FILE:
            layout.files[path] = data
    return layout


def _cut_objects_file(data: bytes | None, layout: Layout, findings: Findings) -> None:
    if data is None:
        return
    text = reader.decode(data, OBJECTS_FILE, findings)
    if text is None or (parsed := reader.parse(data, OBJECTS_FILE, findings)) is None:
        return
    bom = data[: len(data) - len(text.encode())]
    preamble, segments = reader.segments(text)
    layout.files[OBJECTS_FILE] = bom + preamble.encode()
    for segment in segments:
        item = Parts(segment.name, line=segment.line)
        item.put(OBJECT, OBJECTS_FILE, segment.text.encode())
        layout.objects[segment.name] = item
    for key in parsed.keys() - layout.objects.keys():
        findings.error(STRAY_FILE, OBJECTS_FILE, "belongs to no object", key=key, hint='every object is a table of its own: ["U.Count"]')


def _cut_folder(steps: list[str], path: str, data: bytes, layout: Layout, findings: Findings) -> None:
    known = FOLDERS[steps[0]]
    part = known.get(steps[-1]) if len(steps) == 3 else None
    if part is None:
        report = findings.error if path.endswith((".esl", ".toml", ".svg")) or len(steps) < 3 else findings.warning
        report(STRAY_FILE, path, f"is no part of an object in {steps[0]}/", hint=f"{steps[0]}/NAME/ holds {', '.join(known)}")
        layout.files[path] = data
        return
    item = layout.objects.setdefault(steps[1], Parts(steps[1]))
    if part in item.parts:
        findings.error(STRAY_FILE, path, f"{item.paths[part]} is the same part", hint="keep one of the two")
    item.put(part, path, data)


def _cut_data(steps: list[str], path: str, data: bytes, layout: Layout) -> bool:
    """A file in data/ named after a database or a table is a part of it."""
    name, dot, ending = steps[-1].rpartition(".")
    part = DATA_PARTS.get(dot + ending)
    item = layout.find(name) if part and len(steps) == 2 else None
    if part is None or item is None:
        return False
    item.put(part, path, data)
    return True


def check_complete(layout: Layout, findings: Findings) -> None:
    """Report the files that a picture or an event cannot do without."""
    for item in layout.objects.values():
        folder = next((f for f in FOLDERS for p in item.paths.values() if p.startswith(f + "/")), None)
        if folder is None:
            continue
        present = {PurePosixPath(p).name for p in item.paths.values()}
        for name in NEEDED[folder]:
            if name not in present:
                findings.error(
                    NO_FILE,
                    f"{folder}/{item.name}/{name}",
                    "is missing",
                    hint="an empty one will do" if name.endswith(".esl") else "",
                )
        if folder == "events" and LOCAL_PART not in item.parts:
            findings.error(NO_FILE, f"events/{item.name}/script.esl", "is missing", hint="local.esl or script.esl holds the event's script")


def default_path(name: str, part: str, kind: str) -> str:
    """The file of a part that has none yet: what a first save makes."""
    if part == OBJECT:
        return OBJECTS_FILE
    if part in (SQL, CSV):
        return f"data/{name}.{part.lower()}"
    if kind == "interface":
        return f"interfaces/{name}.esl"
    folder = "events" if kind == "event" else "pictures"
    return f"{folder}/{name}/{next(f for f, p in FOLDERS[folder].items() if p == part)}"
