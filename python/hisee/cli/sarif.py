"""Findings as SARIF 2.1.0, the exchange format that code hosts and editors read."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: list[dict[str, Any]]) -> dict[str, Any]:
    """One SARIF log with one run; `findings` in the shape of `hisee check --format json`."""
    import hisee

    codes = sorted({f["code"] for f in findings})
    driver = {"name": "hisee", "version": hisee.__version__, "rules": [{"id": code} for code in codes]}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints",
                                                            "results": [_result(f) for f in findings]}]}


def _result(finding: dict[str, Any]) -> dict[str, Any]:
    text = f"{finding['message']}; {finding['hint']}" if finding["hint"] else finding["message"]
    result = {"ruleId": finding["code"], "level": finding["severity"], "message": {"text": text},
              "locations": [{"physicalLocation": _place(finding["file"], finding)}]}
    related = [{"physicalLocation": _place(n["file"], n), "message": {"text": n["text"]}}
               for n in finding["notes"] if n.get("file") and n["line"]]
    return result | ({"relatedLocations": related} if related else {})


def _place(file: str, at: dict[str, Any]) -> dict[str, Any]:
    region = {"startLine": max(1, at["line"]), "startColumn": max(1, at["column"])}
    if at.get("end_line", 0) >= at["line"]:
        region["endLine"] = max(1, at["end_line"])
        region["endColumn"] = max(1, at["end_column"])
    return {"artifactLocation": {"uri": quote(file)}, "region": region}
