"""The jar: made by the build, the same bytes from the same sources, and its absence without javac is no failure of the build."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hisee.work.jwp import JAR
from java.conftest import build_module
from support.source import ROOT


@pytest.mark.slow
def test_equal_sources_give_an_equal_jar(jar, tmp_path):
    assert build_module().build(tmp_path / "again.jar")
    assert (tmp_path / "again.jar").read_bytes() == jar.read_bytes()
    with zipfile.ZipFile(jar) as archive:
        names = archive.namelist()
        services = archive.read("META-INF/services/hisee.jwp.Service").decode().split()
    assert services == ["hisee.jwp.Echo", "hisee.jwp.Tariff"] and "hisee/jwp/Main.class" in names
    assert all(n.startswith(("hisee/jwp/", "META-INF/")) and not n.endswith(".java") for n in names)


def test_the_jar_in_place_is_fresh(jar):
    if not JAR.is_file():
        pytest.skip("not built in place")
    assert JAR.read_bytes() == jar.read_bytes(), "run: HISEE_ONLY=java python setup.py build_ext --inplace"


def test_without_javac_the_build_goes_on_and_says_so(tmp_path: Path):
    target = tmp_path / "hisee-jwp.jar"
    done = subprocess.run([sys.executable, str(ROOT / "java/build.py"), str(target)], capture_output=True, text=True, check=False,
                          env={**os.environ, "PATH": str(tmp_path)})
    assert done.returncode == 0 and not target.exists()
    assert "no javac" in done.stderr and "default-jdk-headless" in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_digest_sees_every_source(monkeypatch, tmp_path):
    module = build_module()
    before = module.digest()
    monkeypatch.setattr(module, "constants", lambda: {"HELLO": 1})
    assert module.digest() != before


def test_the_bootstrap_builds_anew_when_java_changed():
    assert (ROOT / "hisee").read_text().count("digest pyproject.toml setup.py core ext java python/hisee/esl/front") == 2
