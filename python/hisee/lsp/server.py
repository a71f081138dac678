"""The language server over pygls: requests in, answers out. Everything it knows comes from the other modules."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from hisee.esl.catalogue import catalogue, language
from hisee.esl.diagnostics import Diagnostic
from hisee.esl.fixes import Fix, fixes, repair
from hisee.esl.format import format_text
from hisee.esl.outline import Part
from hisee.lsp import completion, navigation
from hisee.lsp.hover import hover
from hisee.lsp.project import Opened, Project, texts_of
from hisee.lsp.symbols import Meaning

DEBOUNCE_S = 0.15  # after the last key, before a check
SEVERITY = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}
KINDS = {
    "function": lsp.CompletionItemKind.Function, "constant": lsp.CompletionItemKind.Constant, "variable": lsp.CompletionItemKind.Variable,
    "procedure": lsp.CompletionItemKind.Method, "object": lsp.CompletionItemKind.Reference, "column": lsp.CompletionItemKind.Field,
    "event": lsp.CompletionItemKind.Event, "word": lsp.CompletionItemKind.Keyword, "label": lsp.CompletionItemKind.Unit,
    "property": lsp.CompletionItemKind.Property,
}
NAMES_FOLLOW = ("ENTRY", "ENTRYX", "CALL", "GOTO", "]")  # a blank behind them asks for names
SYMBOLS = {
    "procedure": lsp.SymbolKind.Function, "entry": lsp.SymbolKind.Event, "init": lsp.SymbolKind.Constructor,
    "variable": lsp.SymbolKind.Variable, "label": lsp.SymbolKind.Key,
}


class Server(LanguageServer):
    """One project and the checks that are due."""

    def __init__(self, debounce_s: float = DEBOUNCE_S) -> None:
        import hisee

        super().__init__("hisee", hisee.__version__)
        self.project = Project()
        self.debounce_s = debounce_s
        self.lang = language(None, os.environ)
        self._told: set[tuple[Path, str]] = set()
        self.uris: dict[Path, str] = {}  # as the editor spells them
        self._due: dict[int, asyncio.Task[None]] = {}  # by id of the object's analysis
        self.cursor = 1  # line of the last edit: checked first

    # texts
    def opened(self, uri: str) -> tuple[Opened, int]:
        """The object of a document, and which part the document is."""
        file = path_of(uri)
        found = self.project.open(file)
        return found, found.number_of(file)

    def take(self, uri: str) -> None:
        """The document as the editor has it now."""
        document = self.workspace.get_text_document(uri)
        self.uris[path_of(uri)] = uri
        self.project.change(path_of(uri), document.source)
        self.tell_problems()

    def uri(self, file: Path) -> str:
        """The address of a file, in the editor's own spelling where it has one."""
        return self.uris.get(file) or uri_of(file)

    def check_soon(self, uri: str) -> None:
        """Check after a pause; a newer edit begins the pause anew."""
        found, number = self.opened(uri)
        self.check_never(found)
        self._due[id(found)] = asyncio.get_running_loop().create_task(self._check(found, number))

    def forget_checks(self) -> None:
        """Objects are made anew: what was due for the old ones is not."""
        for task in self._due.values():
            task.cancel()
        self._due.clear()

    def tell_problems(self) -> None:
        """An application that cannot be read is told once: until it can, scripts know no objects."""
        for root, text in self.project.problems.items():
            if (root, text) not in self._told:
                self._told.add((root, text))
                first = text.split("\n")[0]
                self.window_show_message(lsp.ShowMessageParams(
                    lsp.MessageType.Warning, f"the application {root} cannot be read: {first}; `hisee check {root}` shows all"))

    def check_never(self, found: Opened) -> None:
        """Forget a check that is due: its texts are out of date."""
        task = self._due.pop(id(found), None)
        if task is not None:
            task.cancel()

    async def _check(self, found: Opened, number: int) -> None:
        await asyncio.sleep(self.debounce_s)
        early = found.both.long  # what is near the cursor is told before the rest is checked
        while found.both.step(number, self.cursor):
            if early:
                self.publish(found)
                early = False
            await asyncio.sleep(0)  # requests that came meanwhile go first
        self.publish(found)
        self._due.pop(id(found), None)

    def publish(self, found: Opened) -> None:
        """What is known now, for the parts that an editor shows and for those on the disk."""
        words = catalogue(self.lang)
        all_of = [words.translate(d) for d in found.both.diagnostics]
        for number, file in found.files.items():
            mine = [self._diagnostic(found, d) for d in all_of if d.part == number]
            document = self.workspace.text_documents.get(self.uri(file))
            self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(
                uri=self.uri(file), diagnostics=mine, version=document.version if document else None))

    def _diagnostic(self, found: Opened, d: Diagnostic) -> lsp.Diagnostic:
        message = "\n".join(t for t in (d.message, d.why, d.hint) if t)
        related = [lsp.DiagnosticRelatedInformation(
            lsp.Location(self.uri(found.files[n.part]), self.range(found, n.part, n.line, n.column, n.line, n.end_column)), n.text)
            for n in d.notes if n.line and n.part in found.files]
        return lsp.Diagnostic(range=self.range(found, d.part, d.line, d.column, d.end_line, d.end_column), message=message,
                              severity=SEVERITY[d.severity], code=d.code, source="hisee", related_information=related or None)

    # places: the protocol counts lines from 0 and characters in units that client and server agreed on
    def range(self, found: Opened, number: int, line: int, column: int, end_line: int, end_column: int) -> lsp.Range:
        return lsp.Range(self.position(found, number, line, column), self.position(found, number, end_line, end_column))

    def position(self, found: Opened, number: int, line: int, column: int) -> lsp.Position:
        row = self.row(found, number, line)
        column = max(0, min(column - 1, len(row)))
        return lsp.Position(max(0, line - 1), column if row.isascii() else self._codec.client_num_units(row[:column]))

    def column(self, found: Opened, number: int, position: lsp.Position) -> int:
        """Column from 1 of a client's position."""
        row = self.row(found, number, position.line + 1)
        if row.isascii():
            return min(position.character, len(row)) + 1
        at = next((i for i in range(len(row)) if self._codec.client_num_units(row[:i]) >= position.character), len(row))
        return at + 1

    def row(self, found: Opened, number: int, line: int) -> str:
        part = found.both.parts[number]
        if not part.pieces:
            return ""
        piece = part.piece_at(line)
        return piece.part.line(line - piece.head + 1)

    @property
    def _codec(self) -> Any:
        return self.workspace.position_codec

    def place(self, found: Opened, at: navigation.Place) -> lsp.Location:
        return lsp.Location(self.uri(found.files[at.part]), self.range(found, at.part, at.line, at.column, at.line, at.end))


def path_of(uri: str) -> Path:
    return Path(to_fs_path(uri) or uri).resolve()


def uri_of(file: Path) -> str:
    return from_fs_path(str(file)) or file.as_uri()


def make_server(debounce_s: float = DEBOUNCE_S) -> Server:
    """A server with all its features; it runs when start_io() is called."""
    server = Server(debounce_s)
    _texts(server)
    _names(server)
    _edits(server)
    return server


def _texts(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def did_open(ls: Server, params: lsp.DidOpenTextDocumentParams) -> None:
        ls.take(params.text_document.uri)
        ls.check_soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(ls: Server, params: lsp.DidChangeTextDocumentParams) -> None:
        last = params.content_changes[-1] if params.content_changes else None
        if isinstance(last, lsp.TextDocumentContentChangePartial):
            ls.cursor = last.range.start.line + 1
        ls.take(params.text_document.uri)
        ls.check_soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(ls: Server, params: lsp.DidCloseTextDocumentParams) -> None:
        found, _ = ls.opened(params.text_document.uri)
        ls.check_never(found)
        ls.project.close(path_of(params.text_document.uri))

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(ls: Server, params: lsp.DidSaveTextDocumentParams) -> None:
        _disk(ls, [path_of(params.text_document.uri)])

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def did_change_watched(ls: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
        _disk(ls, [path_of(change.uri) for change in params.changes])


def _disk(ls: Server, files: Sequence[Path]) -> None:
    """Objects, pictures or closed scripts changed: open texts are checked again."""
    for file in files:
        ls.project.changed_on_disk(file)
    ls.forget_checks()
    for uri in list(ls.workspace.text_documents):
        if path_of(uri).suffix == ".esl":
            ls.check_soon(uri)
    ls.tell_problems()


def _names(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=list("%@_^\\.[( ")))
    def complete(ls: Server, params: lsp.CompletionParams) -> lsp.CompletionList:
        found, number = ls.opened(params.text_document.uri)
        line, column = params.position.line + 1, ls.column(found, number, params.position)
        typed = params.context.trigger_character if params.context else None
        if typed == " " and not ls.row(found, number, line)[:column - 1].upper().rstrip().endswith(NAMES_FOLLOW):
            return lsp.CompletionList(False, [])
        answer = completion.complete(found.both, number, line, column)
        edit = ls.range(found, number, line, answer.start, line, column)
        return lsp.CompletionList(answer.cut, [_item(i, at, edit) for at, i in enumerate(answer.items)])

    @server.feature(lsp.TEXT_DOCUMENT_SIGNATURE_HELP, lsp.SignatureHelpOptions(trigger_characters=["(", ","], retrigger_characters=[","]))
    def signature(ls: Server, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
        found, number = ls.opened(params.text_document.uri)
        helped = completion.signature_help(found.both, number, params.position.line + 1, ls.column(found, number, params.position))
        if helped is None:
            return None
        parts = [lsp.ParameterInformation(p) for p in helped.signature.parameters]
        shown = lsp.SignatureInformation(helped.signature.label, helped.signature.doc or None, parts)
        return lsp.SignatureHelp([shown], 0, helped.active)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hovered(ls: Server, params: lsp.HoverParams) -> lsp.Hover | None:
        found, number = ls.opened(params.text_document.uri)
        told = hover(found.both, number, params.position.line + 1, ls.column(found, number, params.position))
        if told is None:
            return None
        text, token = told
        place = ls.range(found, number, token.line, token.column, token.line, token.end)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), place)

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(ls: Server, params: lsp.DefinitionParams) -> lsp.Location | None:
        found, number = ls.opened(params.text_document.uri)
        target = navigation.definition(found.both, number, params.position.line + 1, ls.column(found, number, params.position))
        if isinstance(target, Meaning):
            declared = ls.project.declared_in(found, target)
            start = lsp.Position(declared[1] - 1, 0) if declared else None
            return lsp.Location(ls.uri(declared[0].resolve()), lsp.Range(start, start)) if declared and start else None
        return ls.place(found, target) if target is not None else None

    @server.feature(lsp.TEXT_DOCUMENT_REFERENCES)
    def references(ls: Server, params: lsp.ReferenceParams) -> list[lsp.Location]:
        found, number = ls.opened(params.text_document.uri)
        places = navigation.references(found.both, number, params.position.line + 1, ls.column(found, number, params.position))
        return [ls.place(found, at) for at in places]

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(ls: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        found, number = ls.opened(params.text_document.uri)
        return [_symbol(ls, found, number, s) for s in navigation.outline(found.both, number)]


def _item(item: completion.Item, at: int, edit: lsp.Range) -> lsp.CompletionItem:
    text = item.insert or item.label
    return lsp.CompletionItem(
        label=item.label, kind=KINDS[item.kind], detail=item.detail or None, documentation=item.doc or None, sort_text=f"{at:05}",
        filter_text=item.label, text_edit=lsp.TextEdit(edit, text),
        insert_text_format=lsp.InsertTextFormat.Snippet if item.insert else lsp.InsertTextFormat.PlainText)


def _symbol(ls: Server, found: Opened, number: int, symbol: navigation.Symbol) -> lsp.DocumentSymbol:
    last = len(ls.row(found, number, symbol.last)) + 1
    return lsp.DocumentSymbol(
        name=symbol.name, kind=SYMBOLS[symbol.kind], detail=symbol.detail or None,
        range=ls.range(found, number, symbol.line, 1, symbol.last, last),
        selection_range=ls.range(found, number, symbol.line, symbol.column, symbol.line, symbol.column + len(symbol.name)),
        children=[_symbol(ls, found, number, child) for child in symbol.children] or None)


def _edits(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(ls: Server, params: lsp.PrepareRenameParams) -> lsp.Range | None:
        found, number = ls.opened(params.text_document.uri)
        try:
            token = navigation.renamable(found.both, number, params.position.line + 1, ls.column(found, number, params.position))
        except navigation.NotRenamed:
            return None
        return ls.range(found, number, token.line, token.column, token.line, token.end)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def rename(ls: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        found, number = ls.opened(params.text_document.uri)
        line, column = params.position.line + 1, ls.column(found, number, params.position)
        try:
            wanted, places = navigation.rename(found.both, number, line, column, params.new_name)
        except navigation.NotRenamed as error:
            ls.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, str(error)))
            return None
        changes: dict[str, list[lsp.TextEdit]] = {}
        for at in places:
            location = ls.place(found, at)
            changes.setdefault(location.uri, []).append(lsp.TextEdit(location.range, params.new_name))
        _rename_declared(ls, found, wanted, params.new_name, changes)
        return lsp.WorkspaceEdit(changes=changes)

    @server.feature(lsp.TEXT_DOCUMENT_FORMATTING)
    def formatting(ls: Server, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit]:
        found, number = ls.opened(params.text_document.uri)
        return replaced(found.both.parts[number].text)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions([lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]))
    def code_actions(ls: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        found, number = ls.opened(params.text_document.uri)
        only = params.context.only or []
        if lsp.CodeActionKind.SourceFixAll in only:
            return _fix_all(ls, found)
        first, last = params.range.start.line + 1, params.range.end.line + 1
        here = [d for d in found.both.diagnostics if d.part == number and d.line <= last and d.end_line >= first]
        texts = texts_of(found)
        return [_action(ls, found, d, f) for d in here for f in fixes(d, texts)]


def _rename_declared(ls: Server, found: Opened, wanted: Meaning, new: str, changes: dict[str, list[lsp.TextEdit]]) -> None:
    """The declaration of a picture variable stands in picture.toml or event.toml."""
    file = ls.project.definition_file(found) if wanted.kind == "picture" else None
    if file is None:
        return
    text = file.read_text("utf-8")
    for at, row in enumerate(text.split("\n")):
        start = row.find(f'"{wanted.name}"') + 1
        if start:
            place = lsp.Range(lsp.Position(at, start), lsp.Position(at, start + len(wanted.name)))
            changes.setdefault(ls.uri(file), []).append(lsp.TextEdit(place, new))
            return


def replaced(text: str) -> list[lsp.TextEdit]:
    """The layout as one edit of the lines that change; their ends stay where they are."""
    new = format_text(text)
    if new == text:
        return []
    before, after = text.split("\n"), new.split("\n")
    front = 0
    while front < min(len(before), len(after)) and before[front] == after[front]:
        front += 1
    back = 0
    while back < min(len(before), len(after)) - front and before[-1 - back] == after[-1 - back]:
        back += 1
    rows = after[front:len(after) - back]
    end = lsp.Position(len(before) - back, 0)
    if not back:  # to the end of the last line, in whatever units: the client cuts what is too far
        rows, end = [*rows[:-1], rows[-1]] if rows else [""], lsp.Position(len(before) - 1, len(before[-1].encode("utf-16-le")) // 2)
        return [lsp.TextEdit(lsp.Range(lsp.Position(front, 0), end), "\n".join(rows))]
    return [lsp.TextEdit(lsp.Range(lsp.Position(front, 0), end), "".join(row + "\n" for row in rows))]


def _action(ls: Server, found: Opened, d: Diagnostic, fix: Fix) -> lsp.CodeAction:
    words = catalogue(ls.lang)
    told = ls._diagnostic(found, words.translate(d))
    return lsp.CodeAction(title=words.phrase(fix.title), kind=lsp.CodeActionKind.QuickFix, diagnostics=[told], is_preferred=fix.safe,
                          edit=lsp.WorkspaceEdit(changes=_changes(ls, found, fix)))


def _changes(ls: Server, found: Opened, fix: Fix) -> dict[str, list[lsp.TextEdit]]:
    changes: dict[str, list[lsp.TextEdit]] = {}
    for edit in fix.edits:
        part = Part(found.both.parts[edit.part].text)
        (line, column), (end_line, end_column) = part.place(edit.start), part.place(edit.end)
        place = ls.range(found, edit.part, line, column, end_line, end_column)
        changes.setdefault(ls.uri(found.files[edit.part]), []).append(lsp.TextEdit(place, edit.text))
    return changes


def _fix_all(ls: Server, found: Opened) -> list[lsp.CodeAction]:
    """All safe fixes, proved by compiling as `hisee check --fix` does."""
    from hisee.esl.compile import compile_object

    texts = dict(texts_of(found))
    after, applied = repair(texts, lambda t: compile_object(found.both.name, dict(t), found.both.context).diagnostics)
    if not applied:
        return []
    changes = {}
    for number, text in texts.items():
        if after[number] != text:
            rows = text.split("\n")
            end = lsp.Position(len(rows) - 1, len(rows[-1].encode("utf-16-le")) // 2)
            changes[ls.uri(found.files[number])] = [lsp.TextEdit(lsp.Range(lsp.Position(0, 0), end), after[number])]
    title = f"apply {len(applied)} safe fix{'es' * (len(applied) != 1)}"
    return [lsp.CodeAction(title=title, kind=lsp.CodeActionKind.SourceFixAll, edit=lsp.WorkspaceEdit(changes=changes))]


