"""Vitrine as a stranger uses it: a project of their own in a scratch folder, with the strictest warnings, never this build tree.

  stranger.py install BUILD PREFIX                  what `cmake --install` leaves: no private header, no path of this machine
  stranger.py find_package PREFIX COMPILER          examples/starter against the installed package
  stranger.py add_subdirectory COMPILER             the same against the sources; nothing but a compiler and nlohmann-json is looked for
  stranger.py pkg_config PREFIX                     the same without CMake
  stranger.py another_version PREFIX                a version that is not there is refused, both versions named
  stranger.py headers PREFIX COMPILER               every public header alone, all in order, and all in the reverse order
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
STARTER = ROOT / "examples/starter"
WARNINGS = "-Wall -Wextra -Wpedantic -Werror"
DIGITS = ROOT / "examples/data/digits.safetensors"


def run(*command, cwd=None, fails=False, env=None):
    done = subprocess.run([str(c) for c in command], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **(env or {})})
    if (done.returncode != 0) != fails:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\nexit code {done.returncode}")
    return done.stdout


def train(program, scratch):
    out = run(program, DIGITS, cwd=scratch)
    share = re.search(r"([0-9.]+) % of 360 unseen digits", out)
    assert share and float(share[1]) > 90, out
    assert (scratch / "starter.safetensors").stat().st_size > 4 * 23000, "starter.safetensors"
    refused = run(program, scratch / "absent.safetensors", cwd=scratch, fails=True)
    assert refused.startswith("starter: ") and "absent.safetensors" in refused, refused
    print(out, end="")


def build(scratch, compiler, *options):
    shutil.copytree(STARTER, scratch / "starter")
    run("cmake", "-S", scratch / "starter", "-B", scratch / "build", f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=Release",
        f"-DCMAKE_CXX_FLAGS={WARNINGS}", *options)
    run("cmake", "--build", scratch / "build", "-j", "2", "--target", "starter")
    train(scratch / "build/starter", scratch)


def install(scratch, tree, prefix):
    shutil.rmtree(prefix, ignore_errors=True)
    run("cmake", "--install", tree, "--prefix", prefix)
    include = pathlib.Path(prefix) / "include"
    assert [entry.name for entry in include.iterdir()] == ["vitrine"], "the root of the headers shows more than vitrine/"
    for header in include.rglob("*.h"):
        for name in re.findall(r'#include "(.+)"', header.read_text()):
            assert (include / name).exists(), f"{header}: {name} is not installed"
    for file in pathlib.Path(prefix).rglob("*"):
        if file.suffix in (".cmake", ".pc", ".h"):
            for path in (str(ROOT), str(tree)):
                assert path not in file.read_text().replace(str(prefix), ""), f"{file} holds {path}"


def find_package(scratch, prefix, compiler):
    build(scratch, compiler, f"-DCMAKE_PREFIX_PATH={prefix}")


def add_subdirectory(scratch, compiler):
    absent = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("ITK", "JPEG", "PNG", "ZLIB", "CLI11", "GTest", "benchmark", "CUDAToolkit")]
    build(scratch, compiler, f"-DVITRINE_SOURCE={ROOT}", *absent, *(["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []))
    made = [file.name for file in (scratch / "build").rglob("*.a")]
    assert "libvitrine_modules.a" in made and "libvitrine_train.a" not in made, f"built what was not asked for: {made}"


def pkg_config(scratch, prefix):
    folder = next(pathlib.Path(prefix).rglob("vitrine.pc")).parent
    flags = run("pkg-config", f"--define-variable=prefix={prefix}", "--cflags", "--libs", "vitrine", env={"PKG_CONFIG_PATH": folder}).split()
    run("c++", "-std=c++20", "-O2", *WARNINGS.split(), STARTER / "main.cpp", "-o", scratch / "starter", *flags)
    train(scratch / "starter", scratch)


def another_version(scratch, prefix):
    installed = re.search(r'PACKAGE_VERSION "(.+)"', next(pathlib.Path(prefix).rglob("vitrine-config-version.cmake")).read_text())[1]
    for asked in ("0.1", "0.99", "1.0"):
        (scratch / "CMakeLists.txt").write_text(f"cmake_minimum_required(VERSION 3.22)\nproject(p CXX)\nfind_package(vitrine {asked} REQUIRED)\n")
        out = run("cmake", "-S", scratch, "-B", scratch / "build", f"-DCMAKE_PREFIX_PATH={prefix}", fails=True)
        assert f'"{asked}"' in out and f"version: {installed}" in out, out
    (scratch / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.22)\nproject(p CXX)\nfind_package(vitrine REQUIRED COMPONENTS cor)\n")
    out = run("cmake", "-S", scratch, "-B", scratch / "build", f"-DCMAKE_PREFIX_PATH={prefix}", fails=True)
    assert "no part 'cor'" in out, out


def headers(scratch, prefix, compiler):
    include = pathlib.Path(prefix) / "include"
    names = sorted(str(header.relative_to(include)) for header in include.rglob("*.h"))
    # What kernels include is compiled once for each instruction set, and says so when it is not.
    kernels = [name for name in names if re.search(r"_cpu\.h$|simd|vitrine/kernels\.h", name)]
    imaging = [name for name in names if "imaging" in name]
    ordinary = [name for name in names if name not in kernels + imaging]
    assert len(ordinary) > 60, ordinary
    orders = {"ascending": ordinary, "descending": ordinary[::-1]}
    orders.update({f"alone {name}": [name] for name in ordinary})
    if not compiler.startswith("g++"):
        orders = {name: order for name, order in orders.items() if not name.startswith("alone")}  # seconds matter: once is enough
    def text(order):
        return "".join(f"#include <{name}>\n" for name in order)
    for order in orders.values():
        (scratch / "order.cpp").write_text(text(order))
        run(compiler, "-std=c++20", "-fsyntax-only", *WARNINGS.split(), "-I", include, scratch / "order.cpp")
    (scratch / "kernel.cpp").write_text(text(kernels + ordinary))
    run(compiler, "-std=c++20", "-fsyntax-only", "-Wno-psabi", *WARNINGS.split(), "-DVITRINE_ISA=scalar", "-I", include, scratch / "kernel.cpp")
    print(f"{len(orders)} orders of {len(ordinary)} headers, {len(kernels)} for kernels")


def main():
    what, *arguments = sys.argv[1:]
    if what in ("find_package", "headers", "add_subdirectory") and not shutil.which(arguments[-1]):
        print(f"{arguments[-1]} is not installed")
        sys.exit(77)
    if what == "pkg_config" and not shutil.which("pkg-config"):
        print("pkg-config is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="vitrine-stranger-") as folder:
        globals()[what](pathlib.Path(folder), *arguments)


main()
