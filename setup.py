"""Extensions of hisee. Strip the first folder and you have the import path: core/hisee/_core/vm.pyx is hisee._core.vm."""

import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

ROOT = Path(__file__).resolve().parent
C = "core/c"
HEADERS = sorted(str(p.relative_to(ROOT)) for p in (ROOT / C).rglob("*.h"))
# development: HISEE_OPTIMIZE=-O0 for figures of coverage, which optimisation would blur
CFLAGS = [os.environ.get("HISEE_OPTIMIZE", "-O2"), "-std=gnu11", "-ffp-contract=off", "-fno-strict-aliasing", "-fvisibility=hidden",
          "-Wall", "-Wextra"]

# of one source more, for gcc: the loop jumps from each instruction to each other, so nothing is common to several on the way, and what gcc
# finds to be common it keeps in registers that the loop needs
OF_SOURCE = {"esl_vm": ["-fno-gcse", "-fno-tree-pre", "-fno-code-hoisting"]}

VALUES = ["esl_text", "esl_record", "esl_convert", "esl_codec", "esl_decode"]
LIBRARY = ["esl_builtin", "esl_builtin_value", "esl_builtin_math", "esl_builtin_number", "esl_builtin_text", "esl_builtin_edit",
           "esl_builtin_time", "esl_builtin_column", "esl_number", "esl_case", "esl_zone", "esl_tzif", "esl_timetext"]
# development: "NAME=value,.." for the C compiler; tests/vm builds the VM's switch twin that way, into a folder of its own
DEFINES: list[tuple[str, str | None]] = [(d.split("=")[0], d.split("=")[1]) for d in os.environ.get("HISEE_DEFINES", "").split(",") if d]
# module -> C sources beside its .pyx
EXTENSIONS = {
    "hisee._core.values": [*VALUES, "esl_number"],
    "hisee._core.library": [*VALUES, *LIBRARY],
    "hisee._core.cells": [*VALUES, "esl_cells", "esl_cells_wire"],
    "hisee._core.vm": [*VALUES, *LIBRARY, "esl_cells", "esl_cells_wire", "esl_unit", "esl_verify", "esl_flow", "esl_calls", "esl_fuse",
                       "esl_quick", "esl_script", "esl_site", "esl_rows", "esl_local", "esl_container", "esl_any", "esl_vm", "esl_slab",
                       "esl_wheel", "esl_sched"],
    "hisee._core.ring": ["esl_ring", "esl_wait", "esl_frame", "esl_crc"],
    "hisee._core.ends": ["esl_ring", "esl_wait", "esl_frame", "esl_crc"],
    "hisee._core.session": ["esl_session", "esl_ring", "esl_wait", "esl_frame", "esl_crc"],
    "hisee._core.kept": ["esl_ring", "esl_frame", "esl_crc"],
    "hisee._core.message": [],
    "hisee._core.reads": [*VALUES, "esl_number"],
    "hisee._core.route": ["esl_ring", "esl_wait", "esl_frame", "esl_crc"],
    "hisee._core.numbers": [],
    "hisee._core.frame": ["esl_frame", "esl_crc"],
    "hisee._core.book": ["esl_book"],
    "hisee._core.router": ["esl_router", "esl_router_owner", "esl_book", "esl_port", "esl_port_stream", "esl_ring", "esl_wait", "esl_frame",
                           "esl_crc"],
    "hisee._core.shaper": ["esl_shaper"],
    "hisee._ext.hist": [],
    "hisee._ext.clock": [],
}
# the embedding API: a cffi module for Python, and a shared library with its header for C, the latter two in hisee/embed
EMBED = "hisee._ext.embed"
EMBED_SOURCES = ["hisee", "esl_client", "esl_pack", "esl_sha256", "esl_frame", "esl_crc", *VALUES, "esl_number"]
JAR = "hisee/java/hisee-jwp.jar"
# the compiler's passes; kinds.py and ops.py stay plain: the others have their numbers from kinds.pxd and ops.pxd
FRONT = sorted(str(p.relative_to(ROOT)) for p in (ROOT / "python/hisee/esl/front").glob("[!_]*.py")
               if p.stem not in ("kinds", "ops"))


def extension(module: str, sources: list[str]) -> Extension:
    root = "ext" if "._ext." in module else "core"
    pyx = f"{root}/{module.replace('.', '/')}.pyx"
    return Extension(module, [pyx, *(f"{C}/{s}.c" for s in sources)], include_dirs=[C], depends=HEADERS,
                     extra_compile_args=CFLAGS, libraries=["m"], define_macros=DEFINES)


def front(path: str) -> Extension:
    return Extension(module_of(path), [path], extra_compile_args=["-O2", "-g0"])


def embed() -> Extension:
    """The out-of-line module of cffi: ext/hisee/_ext/embed_build.py says what of hisee.h Python sees."""
    build: dict[str, object] = runpy.run_path(str(ROOT / "ext/hisee/_ext/embed_build.py"))
    written = ROOT / "build/cython/embed.c"
    written.parent.mkdir(parents=True, exist_ok=True)
    build["ffi"].emit_c_code(str(written))  # type: ignore[attr-defined]
    return Extension(EMBED, [str(written.relative_to(ROOT)), *(f"{C}/{s}.c" for s in EMBED_SOURCES)], include_dirs=[C], depends=HEADERS,
                     extra_compile_args=[*CFLAGS, "-Wno-unused-parameter"], libraries=["m"])


def module_of(path: str) -> str:
    return path.removeprefix("python/").removesuffix(".py").replace("/", ".")


class BuildOnce(build_ext):
    """Compiles each C source once, before any module: modules built side by side would write the same object file at the same time.

    Makes the jar of the Java work process as well, where there is a compiler for it.
    """

    def run(self) -> None:
        self._embed_objects: list[str] = []
        super().run()
        place = ROOT / "python" if self.inplace else Path(self.build_lib)
        self._library(place / "hisee/embed")
        if ONLY and "java" not in ONLY:
            return
        subprocess.run([sys.executable, str(ROOT / "java/build.py"), str(place / JAR)], check=True)

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self) -> None:
        wanted = sorted({s for e in self.extensions for s in e.sources if s.startswith(f"{C}/")})
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = dict(zip(wanted, pool.map(self._object, wanted), strict=True))
        self._embed_objects = [objects[source] for s in EMBED_SOURCES if (source := f"{C}/{s}.c") in objects]
        for module in self.extensions:
            module.extra_objects += [objects[s] for s in module.sources if s in objects]
            module.depends = [*module.depends, *module.extra_objects]  # a changed C source alone must link the module anew
            module.sources = [s for s in module.sources if s not in objects]
        super().build_extensions()

    def _library(self, place: Path) -> None:
        """libhisee.so and hisee.h, for C programs."""
        if len(self._embed_objects) == len(EMBED_SOURCES):  # the module was asked for
            place.mkdir(parents=True, exist_ok=True)
            self.compiler.link_shared_object(self._embed_objects, str(place / "libhisee.so"), libraries=["m"])
            shutil.copyfile(ROOT / C / "hisee.h", place / "hisee.h")

    def _object(self, source: str) -> str:
        (wanted,) = self.compiler.object_filenames([source], output_dir=self.build_temp)
        if self.force or newer_group([source, *HEADERS, "setup.py"], wanted):
            more = [] if "clang" in " ".join(self.compiler.compiler_so) else OF_SOURCE.get(Path(source).stem, [])
            self.compiler.compile([source], output_dir=self.build_temp, macros=DEFINES, include_dirs=[C], extra_postargs=[*CFLAGS, *more])
        return wanted


def check_tables() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "core/schema/generate.py"), "--check"], check=False)
    if done.returncode:
        raise SystemExit("setup.py: generated files are stale; run: python core/schema/generate.py")


check_tables()
ONLY = [m for m in os.environ.get("HISEE_ONLY", "").split(",") if m]  # development: build just these modules
present = {m: s for m, s in EXTENSIONS.items() if any((ROOT / r / f"{m.replace('.', '/')}.pyx").exists() for r in ("core", "ext"))
           and (not ONLY or m in ONLY)}
setup(
    packages=find_packages("python"),
    package_dir={"": "python"},
    cmdclass={"build_ext": BuildOnce},
    ext_modules=([embed()] if not ONLY or EMBED in ONLY else []) + cythonize(
        [extension(m, s) for m, s in present.items()] + [front(p) for p in FRONT if not ONLY or module_of(p) in ONLY],
        include_path=["core", "ext"],
        build_dir="build/cython",
        compiler_directives={"language_level": "3", "embedsignature": True, "autotestdict": False},
    ),
)
