"""Vitrine as a stranger uses it: a project of their own in a scratch folder, with the strictest warnings, never this build tree.

  stranger.py install BUILD PREFIX                  what `cmake --install` leaves: no private header, no path of this machine
  stranger.py find_package PREFIX COMPILER          examples/starter against the installed package
  stranger.py add_subdirectory COMPILER             the same against the sources; nothing but a compiler and nlohmann-json is looked for
  stranger.py components PREFIX                     each part alone and all together, into a shared library
  stranger.py pkg_config PREFIX                     the same without CMake
  stranger.py another_version PREFIX                a version that is not there is refused, both versions named
  stranger.py snippets PREFIX                       every block of docs/library.md, compiled and run
  stranger.py parts                                 odd lists of parts, odd folders: configured whole, or refused in a sentence
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
GENERATOR = {"CMAKE_GENERATOR": "Ninja"} if shutil.which("ninja") else {}  # where there is no make
DIGITS = ROOT / "examples/data/digits.safetensors"


def run(*command, cwd=None, fails=False, env=None):
    done = subprocess.run([str(c) for c in command], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**GENERATOR, **os.environ, **(env or {})})
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
    shown = sorted(entry.name for entry in include.iterdir())
    assert shown == ["vitrine", "vitrine_c.h"], f"the root of the headers shows {shown}"
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
    run("cmake", "--install", scratch / "build", "--prefix", scratch / "prefix")  # of who uses it, and installs nothing of Vitrine
    assert not (scratch / "prefix").exists() or not list((scratch / "prefix").rglob("*vitrine*")), "Vitrine was installed with its user"
    made = [file.name for file in (scratch / "build").rglob("*.a")]
    assert "libvitrine_modules.a" in made and "libvitrine_train.a" not in made, f"built what was not asked for: {made}"


def build_with_pkg_config(scratch, prefix, source, program, *warnings):
    folder = next(pathlib.Path(prefix).rglob("vitrine.pc")).parent
    flags = run("pkg-config", "--cflags", "--libs", "vitrine", env={"PKG_CONFIG_PATH": folder}).split()
    run("c++", "-std=c++20", "-O2", *WARNINGS.split(), *warnings, source, "-o", program, *flags)


def components(scratch, prefix):
    """Every part can be asked for, alone and together; a shared library of one's own can be linked of the core."""
    installed = "core efficientnet train imaging" if list(pathlib.Path(prefix).rglob("vitrine-imaging.cmake")) else "core efficientnet train"
    for number, asked in enumerate(["", "COMPONENTS core", "COMPONENTS train", f"COMPONENTS {installed}"]):
        folder = scratch / str(number)
        folder.mkdir()
        parts = installed.replace(" imaging", "") if not asked else asked.removeprefix("COMPONENTS ")
        (folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.22)\nproject(p CXX)\n"
            f"find_package(vitrine REQUIRED {asked})\n"
            "add_library(mine SHARED mine.cpp)\n" + "".join(f"target_link_libraries(mine PRIVATE vitrine::{part})\n" for part in parts.split()))
        (folder / "mine.cpp").write_text("#include <vitrine/vitrine.h>\nint mine() { vitrine::Linear l(2, 3); initialize(l, 1); return static_cast<int>(parameter_count(l)); }\n")
        run("cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", folder / "build")


def parts(scratch):
    def configure(*options, fails=False):
        return run("cmake", "-S", ROOT, "-B", scratch / "a build", "--fresh", *options, fails=fails)
    configure("-DVITRINE_PARTS=train")  # with what it needs; no tests, which take every part
    configure("-DVITRINE_PARTS=imaging;core", "-DVITRINE_WITH_ITK=OFF", "-DCMAKE_INSTALL_LIBDIR=lib/x86_64-linux-gnu", "-DCMAKE_INSTALL_INCLUDEDIR=include/other")
    assert re.search(r"prefix=\$\{pcfiledir\}/\.\./\.\./\.\./?\n", (scratch / "a build/vitrine.pc").read_text())
    assert "includedir=${prefix}/include/other" in (scratch / "a build/vitrine.pc").read_text()
    assert (scratch / "a build/include/vitrine/vitrine.h").exists()
    refused = configure("-DVITRINE_PARTS=core;training", fails=True)
    assert "VITRINE_PARTS has 'training'" in refused, refused
    refused = " ".join(configure("-DVITRINE_PARTS=core", "-DVITRINE_TESTS=ON", fails=True).split())
    assert "the tests take every part" in refused, refused


def pkg_config(scratch, prefix):
    build_with_pkg_config(scratch, prefix, STARTER / "main.cpp", scratch / "starter")
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


GIVEN = """#include <vitrine/vitrine.h>
#include <cstdio>
using namespace vitrine;
namespace {
const std::vector<int> labels{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5};
Tensor drawn_images() {
  Tensor images = Tensor::uninitialized({16, 8, 8, 1});
  const Draw draw{.seed = 1};
  std::uint32_t place = 0;
  for (float& pixel : images.mutable_host()) pixel = draw.uniform_float(place++);
  return images;
}
const Tensor images = drawn_images();
"""


def snippets(scratch, prefix):
    blocks = re.findall(r"```cpp\n(.*?)```", (ROOT / "docs/library.md").read_text(), re.S)
    assert len(blocks) > 15 and blocks[0].startswith("struct Net"), "docs/library.md has no network of its own any more"
    source = GIVEN + blocks[0] + "".join(f"void block_{i}(Net& net) {{\n{block}}}\n" for i, block in enumerate(blocks[1:])) + "}\n"
    calls = "".join(f'  {{ std::printf("-- {i}\\n"); Net net; initialize(net, 1); block_{i}(net); }}\n' for i in range(len(blocks) - 1))
    (scratch / "main.cpp").write_text(source + "int main() {\n" + calls + "}\n")
    build_with_pkg_config(scratch, prefix, scratch / "main.cpp", scratch / "snippets", "-Wno-unused-variable", "-Wno-unused-parameter", "-Wno-unused-but-set-variable")
    out = run(scratch / "snippets", cwd=scratch)
    assert "gradients agree" in out and "gradients differ" not in out, out
    assert re.search(r"conv1.*\(\d\)", out), "a wrong shape names the layer:\n" + out
    print(out, end="")


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
    if what in ("pkg_config", "snippets") and not shutil.which("pkg-config"):
        print("pkg-config is not installed")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="vitrine-stranger-") as folder:
        globals()[what](pathlib.Path(folder), *arguments)


main()
