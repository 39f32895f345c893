#!/usr/bin/env python3
"""bench/compare without its peers: families of processors, bounds, limits, and what becomes of the documents."""
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
sys.dont_write_bytecode = True
import cases
import families
import measuring
import peers
import photograph
import tables
from cases import Case, Outcome

CASE = Case("infer", "b0", 16, 64, 2, must=1.25, share=0.5)


def cpuinfo(vendor, family, model, flags="avx2 fma", stepping=0):
    return (f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: AMD EPYC\nstepping\t: {stepping}\n"
            f"flags\t\t: {flags}\n\nprocessor\t: 1\nvendor_id\t: other\n")


AVX512 = "avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl"


class Families(unittest.TestCase):
    def test_numbers_tell_where_names_do_not(self):
        for name, text in {
            "AMD Zen 5 (family 26)": cpuinfo("AuthenticAMD", 26, 2, AVX512),
            "AMD Zen 6 (family 26)": cpuinfo("AuthenticAMD", 26, 0x50, AVX512),
            "AMD Zen 4 (family 25)": cpuinfo("AuthenticAMD", 25, 17, AVX512),
            "AMD Zen 3 (family 25)": cpuinfo("AuthenticAMD", 25, 1),
            "AMD Zen 2 (family 23)": cpuinfo("AuthenticAMD", 23, 49),
            "AMD Zen 1 (family 23)": cpuinfo("AuthenticAMD", 23, 1),
            "AMD family 99, model 3": cpuinfo("AuthenticAMD", 99, 3),
            "Intel Skylake server (model 85)": cpuinfo("GenuineIntel", 6, 85, AVX512, 4),
            "Intel Cascade Lake (model 85)": cpuinfo("GenuineIntel", 6, 85, AVX512, 7),
            "Intel Sapphire Rapids (model 143)": cpuinfo("GenuineIntel", 6, 143, AVX512),
            "Intel family 6, model 250": cpuinfo("GenuineIntel", 6, 250),
            "ARM implementer 0x41, part 0xd0c": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n",
            "unknown processor": "",
        }.items():
            self.assertEqual(families.family_of(text), name)

    def test_heading_says_the_set_that_was_used(self):
        zen5, zen3 = cpuinfo("AuthenticAMD", 26, 2, AVX512), cpuinfo("AuthenticAMD", 25, 1)
        self.assertEqual(families.heading(zen5, "avx512"), "AMD Zen 5 (family 26), AVX-512")
        self.assertEqual(families.heading(zen5, "avx2"), "AMD Zen 5 (family 26), AVX2 of an AVX-512 machine")
        self.assertEqual(families.heading(zen3, "avx2"), "AMD Zen 3 (family 25), AVX2")


def own(least, part=0.6):
    return Outcome(row={"min_ms": least, "median_ms": least, "share_of_peak": part})


class Bounds(unittest.TestCase):
    def missed(self, outcomes, counted=("onnxruntime", "openvino")):
        return cases.missed([CASE], {(CASE, name): o for name, o in outcomes.items()}, counted)

    def test_the_fastest_of_those_that_count_decides(self):
        peers_of = {"onnxruntime": Outcome(row={"min_ms": 2.0}), "openvino": Outcome(row={"min_ms": 1.26}), "ncnn": Outcome(row={"min_ms": 0.5})}
        self.assertEqual(self.missed({"vitrine": own(1.0)} | peers_of), [])
        found = self.missed({"vitrine": own(1.02)} | peers_of)
        self.assertEqual(len(found), 1)
        self.assertIn("infer-b0-16x64", found[0])
        self.assertIn("openvino", found[0])

    def test_a_share_of_the_peak_is_a_bound_too(self):
        rival = {"onnxruntime": Outcome(row={"min_ms": 2.0})}
        self.assertEqual(self.missed({"vitrine": own(1.0, 0.5)} | rival), [])
        self.assertIn("49.0 % of the peak", self.missed({"vitrine": own(1.0, 0.49)} | rival)[0])

    def test_nothing_measured_is_nothing_reached(self):
        self.assertIn("no other library", self.missed({"vitrine": own(1.0), "openvino": Outcome(cell="> 90 s")})[0])
        self.assertIn("not measured", self.missed({"vitrine": Outcome(cell="failed", reason="no memory")})[0])


class Limits(unittest.TestCase):
    def run_python(self, code, limit):
        return measuring.run_limited([sys.executable, "-c", code], dict(os.environ), limit)

    def test_what_runs_into_the_limit_is_said_not_left_out(self):
        self.assertEqual(self.run_python("import time; time.sleep(60)", 1).cell, "> 1 s to start")
        late = self.run_python("import time; print('{\"started\": 0.1}', flush=True); time.sleep(60)", 2)
        self.assertEqual(late.cell, "> 2 s")
        self.assertIsNone(late.row)

    def test_what_a_stopped_peer_started_is_stopped_too(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "pid"
            code = f"import subprocess, time; p = subprocess.Popen(['sleep', '60']); open({str(file)!r}, 'w').write(str(p.pid)); time.sleep(60)"
            self.run_python(code, 2)
            state = f"/proc/{file.read_text()}/stat"
            for _ in range(50):  # it may be a zombie until its new parent has waited for it
                if not os.path.exists(state) or Path(state).read_text().split()[2] == "Z":
                    return
                time.sleep(0.1)
            self.fail("a grandchild outlived the limit")

    def test_a_failure_has_its_reason(self):
        failed = self.run_python("raise RuntimeError('this network is not known')", 20)
        self.assertEqual(failed.cell, "failed")
        self.assertIn("this network is not known", failed.reason)
        self.assertEqual(self.run_python("print('{\"min_ms\": 3}')", 20).row, {"min_ms": 3})
        self.assertEqual(measuring.figures_of(self.run_python("print('done')", 20)).cell, "failed")

    def test_slow_steps_are_cut_short_after_one(self):
        count = []
        result = peers.measured(lambda: count.append(time.sleep(0.01)), 1, time.monotonic() - 1)
        self.assertEqual((result["repetitions"], len(count)), (1, 1))
        self.assertEqual(peers.measured(lambda: None, 1, time.monotonic() + 10)["repetitions"], 60)


class Documents(unittest.TestCase):
    def test_a_run_replaces_its_own_family_alone(self):
        text = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
        self.assertTrue(text.startswith(tables.HEAD))
        zen3 = text[text.index("## AMD Zen 3 (family 25), AVX2"):]
        after = tables.with_section(text, "AMD Zen 5 (family 26), AVX-512", ["new"])
        self.assertIn("## AMD Zen 5 (family 26), AVX-512\n\nnew\n\n## ", after)
        self.assertTrue(after.endswith(zen3))
        more = tables.with_section(after, "Intel Skylake (model 94), AVX2", ["first", "", "last"])
        self.assertTrue(more.endswith(zen3 + "\n## Intel Skylake (model 94), AVX2\n\nfirst\n\nlast\n"))
        self.assertEqual(tables.with_section(more, "Intel Skylake (model 94), AVX2", ["first", "", "last"]), more)

    def test_headings_match_whole(self):
        text = tables.with_section("", "AMD Zen 5 (family 26), AVX2 of an AVX-512 machine", ["a"])
        text = tables.with_section(text, "AMD Zen 5 (family 26), AVX2", ["b"])
        self.assertEqual(text.count("\n## "), 2)

    def test_readme_has_the_markers(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        after = tables.between_markers(text, "photograph", ["| a |"])
        self.assertIn("<!-- photograph:begin -->\n| a |\n<!-- photograph:end -->", after)
        self.assertEqual(tables.between_markers(after, "photograph", ["| a |"]), after)
        with self.assertRaises(SystemExit):
            tables.between_markers("no markers", "photograph", [])

    def test_sizes_leave_out_the_c_library(self):
        size = photograph.program_size("/bin/sh")
        self.assertGreater(size, 0.02)
        self.assertLess(size, os.path.getsize(os.path.realpath("/bin/sh")) / 2**20 + 0.5)


class WholeProgram(unittest.TestCase):
    """bench/compare itself, beside programs that only say how long they took."""

    def compare(self, vitrine_ms, peer_line):
        with tempfile.TemporaryDirectory() as folder:
            row = {"simd": "avx2", "threads": 2, "min_ms": vitrine_ms, "median_ms": vitrine_ms, "share_of_peak": 0.7, "peak_gflops": 100, "peak_rss_mib": 60}
            program = self.script(folder, "vitrine", f"[ \"$1\" = --version ] && echo vitrine 0 || echo '{json.dumps(row)}'")
            for environment in ("torch", "tensorflow"):
                os.makedirs(f"{folder}/{environment}/bin")
                listed = "onnxruntime" if environment == "torch" else ""
                self.script(folder, f"{environment}/bin/python", f"case \"$*\" in *--list*) echo {listed};; *--convert*) ;; *) {peer_line};; esac")
            command = [str(ROOT / "bench/compare"), folder, "--program", program, "--only", "infer-b0-16x64", "-o", f"{folder}/out.md", "--limit", "5"]
            done = subprocess.run([sys.executable, "-B", *command], capture_output=True, text=True, timeout=120)
            return done.returncode, done.stderr, Path(f"{folder}/out.md").read_text(encoding="utf-8")

    def script(self, folder, name, body):
        path = Path(folder) / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def test_the_exit_code_says_whether_the_bounds_hold(self):
        line = "echo '{\"min_ms\": 2.0, \"version\": \"9.9\", \"peak_rss_mib\": 100}'"
        code, said, text = self.compare(1.0, line)
        self.assertEqual(code, 0, said)
        self.assertIn("| ratio | 2.00 (ONNX Runtime) |", text)
        code, said, text = self.compare(1.9, line)
        self.assertEqual(code, 1)
        self.assertIn("missed: infer-b0-16x64", said)
        self.assertIn("| must | 1.25 |", text)

    def test_who_cannot_run_is_named_with_the_reason(self):
        code, said, text = self.compare(1.0, "echo 'RuntimeError: no such operator' >&2; exit 3")
        self.assertEqual(code, 1)
        self.assertIn("| ONNX Runtime | failed |", text)
        self.assertIn("| ONNX Runtime | infer-b0-16x64 | RuntimeError: no such operator |", text)
        self.assertIn("| OpenVINO | all | not installed: openvino |", text)


if __name__ == "__main__":
    unittest.main()
