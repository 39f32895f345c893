#!/usr/bin/env python3
"""Event files of `vitrine train --tensorboard`, read by TensorBoard itself: every scalar of every epoch once, also after a run was killed.

  event_files.py PROGRAM      PROGRAM: the vitrine executable

Needs the package tensorboard; exits with 77 (skipped) without it. With --keep FOLDER the runs stay there, to be looked at.
"""
import argparse
import csv
import hashlib
import json
import math
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TAGS = ["train_loss", "validation_loss", "validation_accuracy", "lr", "momentum"]


def write_crops(folder, subjects=8, crops=2, size=32):
    """Crops whose class shows in their brightness, and their manifest."""
    (folder / "crops").mkdir(parents=True)
    rows = [["sample_id", "subject_id", "lesion_id", "slice", "label", "file", "preview", "side_mm", "sha256"]]
    for s in range(subjects):
        for c in range(crops):
            values = [0.3 * (s % 2) + 0.5 * math.modf(math.sin(i + 31 * s + 7 * c) * 43758.5453)[0] ** 2 for i in range(size * size * 3)]
            header = json.dumps({"__metadata__": {"channels": "t1c,flair,t2", "orientation": "LP"},
                                 "image": {"dtype": "F32", "shape": [size, size, 3], "data_offsets": [0, 4 * len(values)]}}).encode()
            header += b" " * (-len(header) % 8)
            data = struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(values)}f", *values)
            name = f"S{s + 1}_l1_s{c}"
            (folder / "crops" / f"{name}.safetensors").write_bytes(data)
            rows.append([name, f"S{s + 1}", 1, c, ["NSCLC", "SCLC"][s % 2], f"crops/{name}.safetensors", "", 20, hashlib.sha256(data).hexdigest()])
    with open(folder / "manifest.csv", "w", newline="") as f:
        csv.writer(f).writerows(rows)


def check(fold):
    """The scalars are those of history.csv, a step an epoch."""
    with open(fold / "history.csv") as f:
        history = list(csv.DictReader(f))
    events = EventAccumulator(str(fold), size_guidance={"scalars": 0})
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == sorted(TAGS), events.Tags()
    for tag in TAGS:
        scalars = events.Scalars(tag)
        assert [e.step for e in scalars] == list(range(1, len(history) + 1)), (tag, [e.step for e in scalars])
        assert [e.wall_time for e in scalars] == [float(e.step) for e in scalars], tag
        for event, row in zip(scalars, history):
            assert event.value == struct.unpack("f", struct.pack("f", float(row[tag])))[0], (tag, event, row)
    (file,) = fold.glob("events.out.tfevents.*")
    records = list(LegacyEventFileLoader(str(file)).Load())
    assert len(records) == 1 + len(history) and records[0].file_version == "brain.Event:2", len(records)
    return len(history), file.read_bytes()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--keep")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.keep or scratch)
        write_crops(folder / "m")
        manifest, splits = str(folder / "m/manifest.csv"), str(folder / "s.json")

        def train(output, epochs):
            return [options.program, "train", manifest, "--splits", splits, "-o", str(folder / output), "--arch", "lite0", "--no-augmentation",
                    "-q", "--save-seconds", "0", "--tensorboard", "--threads", "1", "--epochs", str(epochs)]

        subprocess.run([options.program, "split", manifest, "-o", splits, "--folds", "2", "--test-fraction", "0.2"], check=True)
        subprocess.run(train("whole", 40), check=True)
        epochs, whole = check(folder / "whole/fold_0")
        assert epochs == 40
        killed = subprocess.Popen(train("killed", 40))
        fold = folder / "killed/fold_0"
        while not (fold / "last.safetensors").exists() and killed.poll() is None:
            time.sleep(0.005)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert not (fold / "fold.json").exists(), "it had ended before it was killed"
        subprocess.run(train("killed", 40), check=True)
        assert check(fold)[1] == whole, "the file of the run that was killed has other bytes"
        out = subprocess.run([sys.executable, "-m", "tensorboard.main", "--inspect", "--logdir", str(folder / "whole")], capture_output=True, text=True)
        assert out.returncode == 0 and "fold_0" in out.stdout and "validation_accuracy" in out.stdout, out.stdout + out.stderr
        print(out.stdout)
        print(f"{epochs} epochs, {len(TAGS)} scalars each, once, before and after a kill")


main()
