"""What is given away: the source archive holds every file of the repository, the wheel only the product, and it works
in an environment that never saw the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from support.source import ROOT

NOT_IN_ARCHIVE = {".gitignore"}
WHEEL_ENDINGS = {".py", ".pyi", ".pxd", ".typed", ".so", ".html", ".js", ".css", ".svg", ".toml", ".esl", ".sql", ".csv", ".npz", ".jar",
                 ".h"}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*words: str | Path, cwd: Path, **more: str) -> str:
    """Run a command without anything of this checkout in its environment; its output is the message of a failure."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "HISEE_", "VIRTUAL_ENV"))}
    done = subprocess.run([str(w) for w in words], cwd=cwd, env=plain | more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def repository_files() -> list[str]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git repository: nothing to compare with")
    return [f for f in run("git", "ls-files", cwd=ROOT).splitlines() if (ROOT / f).is_file()]


@pytest.fixture(scope="module")
def clean_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files alone, without anything that was built in place."""
    tree = tmp_path_factory.mktemp("tree")
    for name in repository_files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    return tree


def lend_build(tree: Path) -> None:
    """What was compiled here, where the tree finds its own."""
    for kind in ("cython", "lib.*", "temp.*"):
        for part in (ROOT / "build").glob(kind):
            shutil.copytree(part, tree / "build" / part.name)


@pytest.fixture(scope="module")
def archives(clean_tree: Path) -> Path:
    """Folder with the source archive, and the wheel that was built from it.

    What this checkout has built from the same sources is not compiled once more: that would be most of the time of this test.
    """
    dist = clean_tree / "dist"
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", dist]
    lend_build(clean_tree)
    run(*build, "--sdist", cwd=clean_tree)
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        archive.extractall(clean_tree / "unpacked", filter="data")
    (unpacked,) = (clean_tree / "unpacked").iterdir()
    lend_build(unpacked)
    run(*build, "--wheel", cwd=unpacked)
    return dist


@pytest.fixture(scope="module")
def other_venv(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second environment with nothing but the wheel and what it asks for."""
    venv = tmp_path_factory.mktemp("other") / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=archives)
    run(venv / "bin/python", "-m", "pip", "install", "-q", next(archives.glob("*.whl")), cwd=archives)
    return venv


def test_the_source_archive_holds_the_repository(archives: Path):
    with tarfile.open(next(archives.glob("*.tar.gz"))) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    missing = set(repository_files()) - names - NOT_IN_ARCHIVE
    assert not missing, f"MANIFEST.in leaves out {sorted(missing)}"
    assert not [n for n in names if n.endswith((".so", ".pyc"))]


def test_the_wheel_holds_the_product_only(archives: Path):
    with zipfile.ZipFile(next(archives.glob("*.whl"))) as wheel:
        names = [n for n in wheel.namelist() if ".dist-info/" not in n]
    assert all(n.startswith("hisee/") for n in names)
    assert not [n for n in names if Path(n).suffix not in WHEEL_ENDINGS and not n.endswith("/gitignore")]


def test_the_wheel_holds_every_file_of_the_package(archives: Path):
    with zipfile.ZipFile(next(archives.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    wanted = {f.removeprefix("python/") for f in repository_files() if f.startswith("python/")}
    assert not wanted - names


@pytest.mark.skipif(shutil.which("javac") is None, reason="no javac: the wheel is built without the Java work process")
def test_the_wheel_holds_the_jar(archives: Path):
    with zipfile.ZipFile(next(archives.glob("*.whl"))) as wheel:
        assert wheel.read("hisee/java/hisee-jwp.jar")[:2] == b"PK"


def test_the_installed_command_works(other_venv: Path, tmp_path: Path):
    command = other_venv / "bin/hisee"
    assert run(command, "--version", cwd=tmp_path).startswith("hisee 0.")
    assert "--SES_REMOTE" in run(command, "event", "/?", cwd=tmp_path)
    run(command, "new", "plant", cwd=tmp_path)
    assert run(command, "check", "plant", "--format", "json", cwd=tmp_path).strip() == "[]"
    shutil.copytree(ROOT / "examples/hello", tmp_path / "hello", ignore=shutil.ignore_patterns(".hisee"))
    assert run(command, "check", "hello", "--format", "json", cwd=tmp_path).strip() == "[]"
    run(other_venv / "bin/python", "-c", "import hisee._ext as e; assert e.IS_COMPILED", cwd=tmp_path)
