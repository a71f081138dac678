"""A folder that paths of scripts cannot leave. Each path is walked part by part from an open descriptor of that folder and no
symbolic link is followed, so that neither `..`, nor an absolute path, nor a link, nor a folder that is swapped meanwhile leads out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import IO, TypeVar

from hisee.script.functions.site import Rules

OK, NOT_FOUND, EXISTS, DENIED, IO_ERROR, OUTSIDE, ENCODING = range(7)
T = TypeVar("T")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LONGEST_PATH = 4096  # bytes, as the operating system has it
CODES = {errno.ENOENT: NOT_FOUND, errno.ENOTDIR: NOT_FOUND, errno.EEXIST: EXISTS, errno.ENOTEMPTY: EXISTS, errno.EACCES: DENIED,
         errno.EPERM: DENIED, errno.EROFS: DENIED, errno.EISDIR: DENIED, errno.ELOOP: OUTSIDE, errno.ENAMETOOLONG: OUTSIDE}


class Refused(Exception):
    """A file function does not do it; `code` as %FileError gives it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def code_of(error: Exception) -> int:
    if isinstance(error, Refused):
        return error.code
    if isinstance(error, (UnicodeError, LookupError)):
        return ENCODING
    return CODES.get(getattr(error, "errno", None) or 0, IO_ERROR)


class Sandbox:
    """Files below the folder of the rules. Methods raise Refused and OSError."""

    def __init__(self, rules: Rules) -> None:
        self._root, self._deny = rules.files, rules.deny

    def parts(self, path: str) -> list[str]:
        """Names of a path, "/" or "\\" between them; Refused when it leads out or one of them is closed."""
        if not self._root:
            raise Refused(DENIED, "app.toml, section [scripts], names no folder `files`")
        text = path.replace("\\", "/")
        if "\0" in text or text.startswith("/") or text[1:2] == ":" or len(os.fsencode(text)) > LONGEST_PATH:
            raise Refused(OUTSIDE, "no path relative to the folder of scripts")
        names: list[str] = []
        for name in text.split("/"):
            if name == "..":
                if not names:
                    raise Refused(OUTSIDE, "the path leaves the folder of scripts")
                names.pop()
            elif name not in ("", "."):
                names.append(name)
        for name in names:
            if any(fnmatchcase(name.casefold(), mask.casefold()) for mask in self._deny):
                raise Refused(OUTSIDE, f"names like {name} are closed to scripts")
        return names

    @contextmanager
    def folder(self, names: Sequence[str]) -> Iterator[int]:
        """Descriptor of the folder with these names."""
        at = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # the root itself may be reached by a link
        try:
            for name in names:
                below = os.open(name, FOLDER, dir_fd=at)
                os.close(at)
                at = below
            yield at
        finally:
            os.close(at)

    def within(self, path: str, work: Callable[[str, int], T]) -> T:
        """`work(name, folder)` for the last name of a path and the descriptor of its folder."""
        names = self.parts(path)
        if not names:
            raise Refused(DENIED, "the folder of scripts itself")
        with self.folder(names[:-1]) as at:
            return work(names[-1], at)

    def open(self, path: str, flags: int) -> IO[bytes]:
        """A regular file; a pipe or a device would block and is refused."""

        def work(name: str, at: int) -> IO[bytes]:
            fd = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o640, dir_fd=at)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise Refused(DENIED, f"{name} is no regular file")
                return os.fdopen(fd, MODES[flags & os.O_ACCMODE] if not flags & os.O_APPEND else "ab")
            except BaseException:
                os.close(fd)
                raise

        return self.within(path, work)

    def facts(self, path: str) -> os.stat_result:
        return self.within(path, lambda name, at: os.stat(name, dir_fd=at, follow_symlinks=False))

    def regular(self, path: str) -> os.stat_result:
        """Facts of a file; Refused for anything else."""
        facts = self.facts(path)
        if stat.S_ISLNK(facts.st_mode):
            raise Refused(OUTSIDE, f"{path} is a link")
        if not stat.S_ISREG(facts.st_mode):
            raise Refused(NOT_FOUND, f"{path} is no file")
        return facts

    def rename(self, source: str, target: str, over: bool) -> None:
        """Without `over` an existing target is refused at the same instant: a hard link fails where a file is."""

        def into(name: str, at: int) -> None:
            def move(old: str, old_at: int) -> None:
                if over:
                    os.replace(old, name, src_dir_fd=old_at, dst_dir_fd=at)
                else:
                    os.link(old, name, src_dir_fd=old_at, dst_dir_fd=at, follow_symlinks=False)
                    os.unlink(old, dir_fd=old_at)

            self.within(source, move)

        self.regular(source)
        self.within(target, into)

    def names(self, path: str, kind: int, mask: str, most: int) -> list[str]:
        """Sorted names in a folder that fit a mask; kind 1 files, 2 folders, 3 both; links and closed names are left out."""
        found = []
        with self.folder(self.parts(path)) as at, os.scandir(at) as entries:
            for entry in entries:
                wanted = kind & 1 and entry.is_file(follow_symlinks=False) or kind & 2 and entry.is_dir(follow_symlinks=False)
                if wanted and fnmatchcase(entry.name, mask) and self._open_name(entry.name):
                    found.append(entry.name)
                if len(found) > most:
                    raise Refused(IO_ERROR, f"more than dir_entries = {most} names")
        return sorted(found)

    def _open_name(self, name: str) -> bool:
        try:
            name.encode()
        except UnicodeEncodeError:
            return False
        return not any(fnmatchcase(name.casefold(), mask.casefold()) for mask in self._deny)


MODES = {os.O_RDONLY: "rb", os.O_WRONLY: "wb", os.O_RDWR: "r+b"}
