"""Files of scripts, below one folder. A failure is the function's documented value; %FileError tells why."""

from __future__ import annotations

import codecs
import hashlib
import io
import logging
import os
import posixpath
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hisee.script.functions.registry import NO_DATA, RANGE, function
from hisee.script.functions.sandbox import DENIED, ENCODING, IO_ERROR, OK, Refused, Sandbox, code_of
from hisee.values import Time

if TYPE_CHECKING:
    from hisee.script.functions.calls import Functions

log = logging.getLogger("hisee.script.files")
ENCODINGS = {"utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "ascii", "iso8859-1", "iso8859-2", "iso8859-15", "cp1250", "cp1251",
             "cp1252", "cp852"}
FLAGS = {1: os.O_RDONLY, 2: os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 3: os.O_WRONLY | os.O_CREAT | os.O_APPEND, 4: os.O_RDWR | os.O_CREAT}
ALGORITHMS = {"SHA256": "sha256", "SHA512": "sha512", "SHA1": "sha1", "MD5": "md5"}
PIECE = 1 << 20


class Last:
    """Result of the last file function of the instance."""

    code = OK


class TextFile:
    """An open file as text. Reading and writing may take turns."""

    def __init__(self, raw: Any, encoding: str, most: int) -> None:
        self.text = io.TextIOWrapper(raw, encoding=encoding, newline="")
        self._most, self._wrote, self._read = most, False, False

    def for_reading(self) -> io.TextIOWrapper:
        if self._wrote:
            self.text.seek(self.text.tell())
        self._wrote, self._read = False, True
        return self.text

    def write(self, text: str) -> None:
        if self._read:
            self.text.seek(self.text.tell())
        self._wrote, self._read = True, False
        if os.fstat(self.text.fileno()).st_size + len(text) * 4 > self._most:
            raise Refused(IO_ERROR, f"the file would be longer than file_bytes = {self._most}")
        self.text.write(text)

    def end(self) -> None:
        try:
            self.text.close()
        except (OSError, ValueError) as error:
            log.warning("closing a file of a script: %s", error)


def attempt(own: Functions, failure: Any, work: Callable[[Sandbox], Any]) -> Any:
    """The value of `work`, or `failure` with its reason for %FileError; a refusal is told in the log of the process too."""
    last = own.keep(Last)
    last.code = OK
    try:
        return work(Sandbox(own.site.rules))
    except (Refused, OSError, UnicodeError, LookupError, ValueError) as error:
        last.code = code_of(error)
        if isinstance(error, Refused):
            log.warning("%s: %s", own.owner.object, error)
        return failure


def did(work: Callable[[], object]) -> bool:
    """TRUE, once it is done."""
    work()
    return True


def encoding_of(name: str) -> str:
    """Canonical name of one of the encodings that scripts may use; Refused for any other."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise Refused(ENCODING, f"no encoding {name[:40]!r}") from error
    if found not in ENCODINGS:
        raise Refused(ENCODING, f"encoding {found} is not one of {', '.join(sorted(ENCODINGS))}")
    return found


@function("%FileOpen")
def file_open(own: Functions, path: str, mode: int, encoding: str) -> int:
    def work(box: Sandbox) -> int:
        if mode not in FLAGS:
            raise Refused(DENIED, f"mode {mode} is not 1 to 4")
        name = encoding_of(encoding)
        file = TextFile(box.open(path, FLAGS[mode]), name, own.site.limit("file_bytes"))
        try:
            return own.handles.open(file, file.end)
        except BaseException:
            file.end()
            raise

    return int(attempt(own, 0, work))


@function("%FileClose")
def file_close(own: Functions, handle: int) -> None:
    own.handles.close(handle, TextFile)


@function("%FileReadLine")
def file_read_line(own: Functions, handle: int) -> Any:
    file = own.handles.get(handle, TextFile)

    def work(box: Sandbox) -> Any:
        line = file.for_reading().readline(own.site.limit("text_chars") + 2)
        return line.removesuffix("\n").removesuffix("\r") if line else NO_DATA

    return attempt(own, NO_DATA, work)


@function("%FileRead")
def file_read(own: Functions, handle: int, count: int) -> Any:
    file = own.handles.get(handle, TextFile)
    if count < 0:
        return RANGE
    most = min(count, own.site.limit("text_chars"))
    return attempt(own, NO_DATA, lambda box: file.for_reading().read(most) or ("" if most == 0 else NO_DATA))


@function("%FileWrite")
def file_write(own: Functions, handle: int, text: str) -> Any:
    file = own.handles.get(handle, TextFile)
    return attempt(own, False, lambda box: did(lambda: file.write(text)))


@function("%FileWriteLine")
def file_write_line(own: Functions, handle: int, text: str) -> Any:
    return file_write(own, handle, text + "\n")


@function("%FileEof")
def file_eof(own: Functions, handle: int) -> Any:
    file = own.handles.get(handle, TextFile)

    def work(box: Sandbox) -> bool:
        text = file.for_reading()
        at = text.tell()
        ended = text.read(1) == ""
        text.seek(at)
        return ended

    return attempt(own, True, work)


@function("%FilePos")
def file_pos(own: Functions, handle: int) -> Any:
    file = own.handles.get(handle, TextFile)
    return attempt(own, NO_DATA, lambda box: file.text.tell())


@function("%FileSeek")
def file_seek(own: Functions, handle: int, position: int) -> Any:
    file = own.handles.get(handle, TextFile)

    def work(box: Sandbox) -> bool:
        if not 0 <= position <= own.site.limit("file_bytes"):
            raise Refused(IO_ERROR, f"position {position} is outside the file")
        file.text.seek(position)
        return True

    return attempt(own, False, work)


@function("%FileFlush")
def file_flush(own: Functions, handle: int) -> Any:
    file = own.handles.get(handle, TextFile)
    return attempt(own, False, lambda box: did(file.text.flush))


@function("%FileLoad")
def file_load(own: Functions, path: str, encoding: str) -> Any:
    most = own.site.limit("text_chars")

    def work(box: Sandbox) -> Any:
        name = encoding_of(encoding)
        with box.open(path, os.O_RDONLY) as file:
            data = file.read(most * 4 + 5)
        text = codecs.decode(data, name) if len(data) <= most * 4 + 4 else " " * (most + 1)
        return text if len(text) <= most else RANGE

    return attempt(own, NO_DATA, work)


@function("%FileSave")
def file_save(own: Functions, path: str, text: str, append: bool) -> Any:
    def work(box: Sandbox) -> bool:
        data = text.encode()
        with box.open(path, FLAGS[3 if append else 2]) as file:
            if file.tell() + len(data) > own.site.limit("file_bytes"):
                raise Refused(IO_ERROR, f"{path} would be longer than file_bytes")
            file.write(data)
        return True

    return attempt(own, False, work)


@function("%FileExists")
def file_exists(own: Functions, path: str) -> Any:
    return attempt(own, False, lambda box: box.regular(path) is not None)


@function("%FileDelete")
def file_delete(own: Functions, path: str) -> Any:
    def work(box: Sandbox) -> bool:
        box.regular(path)
        box.within(path, lambda name, at: os.unlink(name, dir_fd=at))
        return True

    return attempt(own, False, work)


@function("%FileCopy")
def file_copy(own: Functions, source: str, target: str, over: bool) -> Any:
    def work(box: Sandbox) -> bool:
        if box.regular(source).st_size > own.site.limit("file_bytes"):
            raise Refused(IO_ERROR, f"{source} is longer than file_bytes")
        if over and box.parts(source) == box.parts(target):
            raise Refused(DENIED, f"{source} onto itself")
        with box.open(source, os.O_RDONLY) as old, box.open(target, FLAGS[2] if over else FLAGS[2] | os.O_EXCL) as new:
            while piece := old.read(PIECE):
                new.write(piece)
        return True

    return attempt(own, False, work)


@function("%FileMove")
def file_move(own: Functions, source: str, target: str, over: bool) -> Any:
    return attempt(own, False, lambda box: did(lambda: box.rename(source, target, over)))


@function("%FileSize")
def file_size(own: Functions, path: str) -> Any:
    return attempt(own, NO_DATA, lambda box: box.regular(path).st_size)


@function("%FileTime")
def file_time(own: Functions, path: str) -> Any:
    return attempt(own, NO_DATA, lambda box: Time(box.regular(path).st_mtime_ns // 1_000_000))


@function("%FileHash")
def file_hash(own: Functions, path: str, algorithm: str) -> Any:
    name = ALGORITHMS.get(algorithm.upper())
    if name is None:
        return RANGE

    def work(box: Sandbox) -> str:
        if box.regular(path).st_size > own.site.limit("file_bytes"):
            raise Refused(IO_ERROR, f"{path} is longer than file_bytes")
        with box.open(path, os.O_RDONLY) as file:
            return hashlib.file_digest(file, name).hexdigest()  # type: ignore[arg-type]

    return attempt(own, NO_DATA, work)


@function("%DirExists")
def dir_exists(own: Functions, path: str) -> Any:
    def work(box: Sandbox) -> bool:
        names = box.parts(path)
        return not names or stat.S_ISDIR(box.facts(path).st_mode)

    return attempt(own, False, work)


@function("%DirCreate")
def dir_create(own: Functions, path: str) -> Any:
    return attempt(own, False, lambda box: did(lambda: box.within(path, lambda name, at: os.mkdir(name, 0o750, dir_fd=at))))


@function("%DirDelete")
def dir_delete(own: Functions, path: str) -> Any:
    return attempt(own, False, lambda box: did(lambda: box.within(path, lambda name, at: os.rmdir(name, dir_fd=at))))


@function("%DirList")
def dir_list(own: Functions, mask: str, kind: int) -> Any:
    if not 1 <= kind <= 3:
        return RANGE
    folder, _, names = mask.replace("\\", "/").rpartition("/")
    return attempt(own, NO_DATA, lambda box: "\n".join(box.names(folder, kind, names or "*", own.site.limit("dir_entries"))))


@function("%PathDir")
def path_dir(own: Functions, path: str) -> str:
    return posixpath.dirname(path.replace("\\", "/"))


@function("%PathName")
def path_name(own: Functions, path: str) -> str:
    return posixpath.basename(path.replace("\\", "/"))


@function("%PathExt")
def path_ext(own: Functions, path: str) -> str:
    return posixpath.splitext(path_name(own, path))[1].removeprefix(".")


@function("%PathJoin")
def path_join(own: Functions, folder: str, name: str) -> str:
    folder = folder.replace("\\", "/")
    return f"{folder.rstrip('/')}/{name.lstrip('/')}" if folder else name


@function("%TempFile")
def temp_file(own: Functions, ext: str) -> Any:
    ending = ext.removeprefix(".")

    def work(box: Sandbox) -> str:
        if "/" in ending or "\\" in ending:
            raise Refused(DENIED, "an ending of a name has no / in it")
        path = f"tmp-{own.site.seams.rng.secret(8).hex()}" + (f".{ending}" if ending else "")
        box.open(path, FLAGS[2] | os.O_EXCL).close()
        return path

    return attempt(own, NO_DATA, work)


@function("%FileError")
def file_error(own: Functions) -> int:
    return int(own.keep(Last).code)
