"""Limits of one system: the defaults of the limits table with the application's own numbers over them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hisee import config
from hisee.errors import UsageError
from hisee.model.problem import BAD_KEY, BAD_VALUE, Findings, choose_from, shown
from hisee.schema.limits import BY_NAME


def apply(overrides: Mapping[str, Any], findings: Findings, wp_min: int | None = None, file: str = "app.toml") -> dict[str, int]:
    """The table with `overrides` in it, and `wp_min` of [work]. Wrong ones go to `findings` and leave their default."""
    limits = config.limits()
    if wp_min is not None and "wp_min" in overrides:
        findings.error(BAD_KEY, file, "given twice", key="limits.wp_min", hint="keep the one in [work]")
    if wp_min is not None:
        limits["wp_min"] = wp_min
    for name, value in overrides.items():
        key = f"limits.{name}"
        if name not in limits:
            findings.error(BAD_KEY, file, "unknown limit", key=key, hint=choose_from(name, limits))
            continue
        try:
            limits = {**limits, name: config.limits({name: value})[name]}
        except UsageError:
            findings.error(
                BAD_VALUE,
                file,
                "not a whole number above 0",
                key=key,
                value=shown(value),
                hint=f"default is {limits[name]} {BY_NAME[name].unit}",
            )
    return limits
