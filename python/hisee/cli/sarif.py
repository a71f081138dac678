"""Findings as SARIF 2.1.0, the exchange format that code hosts and editors read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: list[dict[str, Any]], fixes: Mapping[int, list[dict[str, Any]]] | None = None) -> dict[str, Any]:
    """One SARIF log with one run; `findings` in the shape of `hisee check --format json`, `fixes` by the number of the finding."""
    import hisee

    codes = sorted({f["code"] for f in findings})
    driver = {"name": "hisee", "version": hisee.__version__, "rules": [_rule(code) for code in codes]}
    results = [_result(f, (fixes or {}).get(at, [])) for at, f in enumerate(findings)]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints",
                                                            "results": results}]}


def _rule(code: str) -> dict[str, Any]:
    """What the code means, from the table of explanations; the codes of application folders have none."""
    from hisee.esl.explain import explanation

    row = explanation(code) if code.startswith("ESL") else None
    return {"id": code} | ({"fullDescription": {"text": row.text}} if row else {})


def _result(finding: dict[str, Any], fixes: list[dict[str, Any]]) -> dict[str, Any]:
    text = f"{finding['message']}; {finding['hint']}" if finding["hint"] else finding["message"]
    result = {"ruleId": finding["code"], "level": finding["severity"], "message": {"text": text},
              "locations": [{"physicalLocation": _place(finding["file"], finding)}]}
    related = [{"physicalLocation": _place(n["file"], n), "message": {"text": n["text"]}}
               for n in finding["notes"] if n.get("file") and n["line"]]
    return result | ({"relatedLocations": related} if related else {}) | ({"fixes": [_fix(f) for f in fixes]} if fixes else {})


def _fix(fix: dict[str, Any]) -> dict[str, Any]:
    """A SARIF fix: replacements by file."""
    files: dict[str, list[dict[str, Any]]] = {}
    for edit in fix["edits"]:
        region = {"startLine": edit["start"][0], "startColumn": edit["start"][1], "endLine": edit["end"][0], "endColumn": edit["end"][1]}
        files.setdefault(edit["file"], []).append({"deletedRegion": region, "insertedContent": {"text": edit["text"]}})
    changes = [{"artifactLocation": {"uri": quote(file)}, "replacements": edits} for file, edits in files.items()]
    return {"description": {"text": fix["title"]}, "artifactChanges": changes}


def _place(file: str, at: dict[str, Any]) -> dict[str, Any]:
    region = {"startLine": max(1, at["line"]), "startColumn": max(1, at["column"])}
    if at.get("end_line", 0) >= at["line"]:
        region["endLine"] = max(1, at["end_line"])
        region["endColumn"] = max(1, at["end_column"])
    return {"artifactLocation": {"uri": quote(file)}, "region": region}
