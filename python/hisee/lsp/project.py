"""Files and what they are: which object and part a script is, which application it belongs to. The only module here that reads files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hisee.config import APPLICATION_FILE, find_application
from hisee.esl.context import ObjectContext
from hisee.lsp.analysis import ObjectAnalysis
from hisee.lsp.symbols import Meaning
from hisee.model.application import Application, load_application
from hisee.model.gate import PART_NUMBER
from hisee.model.problem import ApplicationError, NoApplication
from hisee.model.reader import line_of

DEFINING = (".toml", ".svg")  # files whose change makes the application another one


@dataclass(slots=True)
class Opened:
    """One object that is looked at. `files`: part -> its file; an absent one has no file yet."""

    both: ObjectAnalysis
    files: dict[int, Path]
    root: Path | None = None

    def number_of(self, file: Path) -> int:
        return next((n for n, f in self.files.items() if f == file), 1)


@dataclass
class Project:
    """Objects by their files. Texts that an editor holds win over those on the disk."""

    texts: dict[Path, str] = field(default_factory=dict)
    _opened: dict[Path, Opened] = field(default_factory=dict)
    _applications: dict[Path, Application] = field(default_factory=dict)
    problems: dict[Path, str] = field(default_factory=dict)  # root -> why the application cannot be read

    def open(self, file: Path) -> Opened:
        """The object that a script belongs to, both parts read; a script alone is an object of its own."""
        file = file.resolve()
        if file not in self._opened:
            found = self._of_application(file) or self._alone(file)
            for path in found.files.values():
                self._opened[path] = found
            self._read(found)
        return self._opened[file]

    def change(self, file: Path, text: str) -> Opened:
        """An editor holds this text now."""
        file = file.resolve()
        self.texts[file] = text
        found = self.open(file)
        found.both.update(found.number_of(file), text)
        return found

    def close(self, file: Path) -> None:
        """The disk holds the text again."""
        file = file.resolve()
        self.texts.pop(file, None)
        found = self._opened.get(file)
        if found is not None:
            self._read(found)
            if not any(path in self.texts for path in found.files.values()):
                for path in found.files.values():
                    self._opened.pop(path, None)

    def changed_on_disk(self, file: Path) -> None:
        """A file of the application: objects and pictures are read again, open texts stay."""
        file = file.resolve()
        if file.suffix in DEFINING:
            self._applications.clear()
            self.problems.clear()
            self._opened.clear()  # made anew when next asked for: parts may have come or gone
        elif file in self._opened:
            self._read(self._opened[file])

    def _read(self, found: Opened) -> None:
        for number, path in found.files.items():
            found.both.update(number, self.texts[path] if path in self.texts else _text(path))

    def _alone(self, file: Path) -> Opened:
        root = find_application(file.parent)
        application = self.application(root) if root else None
        directory = application.directory() if application else None
        interfaces = [(root / path).resolve() for item in application.objects.values() if item.kind == "interface"
                      for path in item.source.paths.values()] if application and root else []
        context = ObjectContext(kind="interface" if file in interfaces else "script", server_script=False, directory=directory)
        return Opened(ObjectAnalysis(file.stem, context), {1: file}, root)

    def _of_application(self, file: Path) -> Opened | None:
        root = find_application(file.parent)
        application = self.application(root) if root else None
        if application is None or root is None:
            return None
        for item in application.scripted:
            files = {PART_NUMBER[part]: (root / path).resolve() for part, path in item.source.paths.items() if part in PART_NUMBER}
            if file in files.values():
                return Opened(ObjectAnalysis(item.name, application.context(item.name)), files, root)
        return None

    def application(self, root: Path) -> Application | None:
        """The application at `root`; None while it cannot be read, with the reason in `problems`."""
        root = root.resolve()
        if root not in self._applications:
            try:
                self._applications[root] = load_application(root)
            except (ApplicationError, NoApplication, OSError) as error:
                self.problems[root] = str(error)
                return None
            self.problems.pop(root, None)
        return self._applications[root]

    def declared_in(self, found: Opened, wanted: Meaning) -> tuple[Path, int] | None:
        """File and line that declare an object, a graphical object or a picture variable."""
        application = self.application(found.root) if found.root else None
        if application is None or found.root is None:
            return None
        if wanted.kind == "object":
            item = application.find(wanted.name)
            path = next(iter(item.source.paths.values()), APPLICATION_FILE) if item else None
            return (found.root / path, item.source.line if item else 1) if path else None
        file = self.definition_file(found)
        return (file, line_of(_text(file), wanted.name)) if file else None

    def definition_file(self, found: Opened) -> Path | None:
        """picture.toml or event.toml of the object."""
        folder = next(iter(found.files.values())).parent
        return next((folder / name for name in ("picture.toml", "event.toml") if (folder / name).is_file()), None)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return ""


def texts_of(found: Opened) -> Mapping[int, str]:
    return {number: part.text for number, part in found.both.parts.items()}
