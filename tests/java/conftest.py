"""The compiled Java side: the jar of this checkout's sources, and the test classes against it."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from support.source import ROOT

HERE = Path(__file__).parent
FLAGS = ["-Xmx32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
Run = Callable[..., str]


def build_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hisee_java_build", ROOT / "java/build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def jar() -> Path:
    """Made anew when a source changed since the last time."""
    if shutil.which("javac") is None:
        pytest.skip("no javac: apt-get install default-jdk-headless")
    build = build_module()
    target: Path = ROOT / "build" / f"java-tests-{build.digest()}.jar"
    if not target.is_file():
        for old in target.parent.glob("java-tests-*.jar"):
            old.unlink()
        assert build.build(target)
    return target


@pytest.fixture(scope="session")
def java(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`java(main class, words...)` runs a test class in a small machine and gives its output."""
    folder = tmp_path_factory.mktemp("java")
    build_module().compile_into(folder, sorted(HERE.glob("*.java")), class_path=jar)

    def run(main: str, *words: object) -> str:
        done = subprocess.run(["java", *FLAGS, "-cp", f"{jar}:{folder}/classes", f"hisee.jwp.{main}", *map(str, words)],
                              capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="session")
def services(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `services` of an application: a jar with `trials` and the example of the manual, and a file that is no jar."""
    folder, build = tmp_path_factory.mktemp("services"), build_module()
    example = folder / "Doubled.java"
    example.write_text((ROOT / "docs/design/java.md").read_text().split("```java\n")[1].split("```")[0])
    build.compile_into(folder / "build", [HERE / "services/Trials.java", example], class_path=jar)
    with zipfile.ZipFile(folder / "trials.jar", "w") as archive:
        for name in ("trials/Trials", "plant/Doubled"):
            archive.write(folder / f"build/classes/{name}.class", f"{name}.class")
        archive.writestr("META-INF/services/hisee.jwp.Service", "trials.Trials\ntrials.Missing\nplant.Doubled\n")
    (folder / "broken.jar").write_text("no jar")
    return folder
