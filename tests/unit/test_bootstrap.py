"""The bootstrap ./hisee: what it does when, seen through a stand-in for Python that only writes down its orders."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.source import ROOT

# Knows `-m venv DIR` (makes DIR/bin/python, itself again); answers every other order with success.
STAND_IN = """#!/bin/sh
case "$*" in *"-c "*) exit 0 ;; esac
echo "$*" >>"$ORDERS"
case "$*" in "-m venv --clear "*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;; esac
exit 0
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with nothing in it but what the bootstrap looks at."""
    tree = tmp_path / "a checkout"
    for folder in ("core", "ext", "java", "python/hisee/esl/front"):
        (tree / folder).mkdir(parents=True)
        (tree / folder / "file").write_text("1")
    for name in ("hisee", "pyproject.toml", "setup.py", "packages.txt"):
        shutil.copy2(ROOT / name, tree / name)
    return tree


class Checkout:
    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.tools = tree.parent / "tools"
        self.tools.mkdir()
        self.orders_file = tree.parent / "orders"
        self.python = self.tool("python3.11", STAND_IN)
        self.environment = {"HOME": str(tree.parent), "PATH": f"{self.tools}:/usr/bin:/bin", "ORDERS": str(self.orders_file),
                            "HISEE_PYTHON": str(self.python)}

    def tool(self, name: str, text: str) -> Path:
        path = self.tools / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        self.orders_file.write_text("")
        return subprocess.run([self.tree / "hisee", *words], env=self.environment | more, capture_output=True, text=True, check=False)

    def orders(self) -> list[str]:
        return self.orders_file.read_text().splitlines()


@pytest.fixture
def checkout(tree: Path) -> Checkout:
    return Checkout(tree)


def is_build(order: str) -> bool:
    return "build_ext" in order


def test_the_first_call_prepares_and_says_so(checkout):
    done = checkout.run("ps", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and "[1/3]" in done.stderr and "[2/3]" in done.stderr and "[3/3]" in done.stderr
    orders = checkout.orders()
    assert orders[0].startswith("-m venv") and any(is_build(o) for o in orders) and orders[-1] == "-m hisee ps --json"


def test_the_second_call_only_runs_the_command(checkout):
    checkout.run("ps")
    done = checkout.run("get", "U.a b")
    assert (checkout.orders(), done.stderr) == (["-m hisee get U.a b"], "")


def test_another_list_of_system_packages_is_looked_at(checkout):
    checkout.run("ps")
    with open(checkout.tree / "packages.txt", "a") as packages:
        packages.write("no-such-package  file:/nonexistent/thing  run\n")
    checkout.tool("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$ORDERS"\n')
    checkout.tool("sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    done = checkout.run("ps")
    assert done.returncode == 2 and "still missing after the installation: no-such-package" in done.stderr


@pytest.mark.parametrize("file", ["core/file", "ext/file", "java/file", "python/hisee/esl/front/file", "setup.py"])
def test_a_changed_source_is_built_again(checkout, file):
    checkout.run("ps")
    (checkout.tree / file).write_text("2")
    checkout.run("ps")
    orders = checkout.orders()
    assert any(is_build(o) for o in orders) and not any(o.startswith("-m venv") for o in orders)
    checkout.run("ps")
    assert len(checkout.orders()) == 1


def test_built_files_are_no_change(checkout):
    checkout.run("ps")
    (checkout.tree / "python/hisee/esl/front/lexer.cpython-311.so").write_text("x")
    checkout.run("ps")
    assert len(checkout.orders()) == 1


def test_a_checkout_that_moved_is_prepared_again(checkout):
    checkout.run("ps")
    moved = checkout.tree.rename(checkout.tree.with_name("elsewhere"))
    checkout.tree = moved
    checkout.run("ps")
    assert any(is_build(o) for o in checkout.orders())


def test_a_link_to_it_works(checkout, tmp_path):
    (tmp_path / "link").symlink_to(checkout.tree / "hisee")
    done = subprocess.run([tmp_path / "link", "ps"], env=checkout.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and (checkout.tree / ".venv").is_dir()


def test_a_failed_build_shows_its_end_and_is_tried_again(checkout):
    failing = 'case "$*" in *build_ext*) echo "error: no such header"; exit 1 ;; esac\nexit 0\n'
    broken = STAND_IN.removesuffix("exit 0\n") + failing
    checkout.tool("python3.11", broken)
    done = checkout.run("ps")
    assert done.returncode == 70 and "no such header" in done.stderr and "bootstrap.log" in done.stderr
    assert checkout.run("ps").returncode == 70


def with_missing_package(checkout: Checkout) -> None:
    with open(checkout.tree / "packages.txt", "a") as file:
        file.write("nosuch-package  command:nosuch-command  run\n")
    checkout.tool("id", "#!/bin/sh\necho 1000\n")
    checkout.tool("apt-get", '#!/bin/sh\necho "apt-get $*" >>"$ORDERS"\n')


def test_without_rights_the_exact_command_is_printed(checkout):
    with_missing_package(checkout)
    checkout.tool("sudo", "#!/bin/sh\nexit 1\n")
    done = checkout.run("ps")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.endswith("apt-get update && apt-get install -y --no-install-recommends nosuch-package\n")
    assert not (checkout.tree / ".venv").exists() and checkout.orders() == []


def test_with_rights_it_is_installed(checkout):
    with_missing_package(checkout)
    checkout.tool("sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    new = checkout.tools / "nosuch-command"
    install = f'case "$*" in install*) printf "#!/bin/sh\\n" >{new}; chmod 755 {new} ;; esac'
    checkout.tool("apt-get", f'#!/bin/sh\necho "apt-get $*" >>"$ORDERS"\n{install}\n')
    done = checkout.run("ps")
    assert done.returncode == 0, done.stderr
    assert checkout.orders()[:2] == ["apt-get update", "apt-get install -y --no-install-recommends nosuch-package"]


def test_what_stays_missing_is_named(checkout):
    with_missing_package(checkout)
    checkout.tool("sudo", '#!/bin/sh\nshift\nexec "$@"\n')
    done = checkout.run("ps")
    assert done.returncode == 2 and "still missing" in done.stderr and "nosuch-package" in done.stderr


@pytest.mark.parametrize("wrong", ["nosuch-python", "/bin/false"])
def test_a_wrong_interpreter_is_named(checkout, wrong):
    done = checkout.run("ps", HISEE_PYTHON=wrong)
    assert done.returncode == 2 and wrong in done.stderr and len(done.stderr.splitlines()) == 1


def test_clean_removes_what_it_made(checkout):
    checkout.run("ps")
    built = checkout.tree / "python/hisee/esl/front/x.so"
    built.touch()
    assert checkout.run("clean").returncode == 0
    assert not (checkout.tree / ".venv").exists() and not (checkout.tree / "build").exists() and not built.exists()
    assert (checkout.tree / "core/file").exists()


@pytest.mark.parametrize("script", ["hisee", ".ci/run"])
def test_scripts_are_plain_shell(script):
    assert (ROOT / script).read_text().startswith("#!/bin/sh\n") and os.access(ROOT / script, os.X_OK)
    subprocess.run(["sh", "-n", ROOT / script], check=True)


def test_every_package_has_a_test_and_a_purpose():
    rows = [line.split() for line in (ROOT / "packages.txt").read_text().splitlines() if line and not line.startswith("#")]
    for package, how, purpose in rows:
        assert purpose in ("run", "test") and how.partition(":")[0] in ("command", "file", "glob", "python"), package
