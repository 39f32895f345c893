#!/usr/bin/env python3
"""Writes tests/golden/wrappers: checkpoints as training scripts leave them, by torch.save itself (PyTorch 2.15, Python 3.11 made the
committed files; Python 3.11 is the one that pickles a member of an Enum by getattr).   usage: wrappers_fixture.py FOLDER

The "network" has three tensors under timm's keys; tensor i, counted from 0, holds 100 i + 1, 100 i + 2, ...; averages hold their negatives.
"""
import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import pathlib
import random
import re
import sys
import types
import uuid
import zipfile

import numpy as np
import torch

NAMES = {"conv_stem.weight": (2, 3, 1, 1), "blocks.0.0.conv_dw.weight": (2, 1, 1, 1), "classifier.bias": (3,)}
PLAIN = {n: (100 * i + 1 + torch.arange(float(np.prod(s)))).reshape(s) for i, (n, s) in enumerate(NAMES.items())}
EMA = {n: -t for n, t in PLAIN.items()}
FOLDER = pathlib.Path(sys.argv[1])


class Colour(enum.Enum):
    RED = 1


class Flags(enum.IntFlag):
    A = 1
    B = 2


@dataclasses.dataclass
class Config:
    lr: float = 0.1
    name: str = "x"


class Trainer:
    def __init__(self):
        self.me = self

    def step(self):
        pass


class EasyDict(dict):
    pass


Point = collections.namedtuple("Point", "x y")
looped = [1]
looped.append(looped)
INERT = {
    "namespace": argparse.Namespace(lr=0.1, out=pathlib.Path("runs/1")), "simple": types.SimpleNamespace(a=1), "colour": Colour.RED,
    "flags": Flags.A | Flags.B, "config": Config(), "trainer": Trainer(), "method": Trainer().step, "function": torch.nn.functional.relu,
    "partial": functools.partial(torch.nn.functional.relu, inplace=True), "type": int, "class": torch.nn.Linear, "easy": EasyDict(a=1),
    "now": datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc), "day": datetime.date(2026, 1, 2), "span": datetime.timedelta(1),
    "uuid": uuid.UUID(int=7), "regex": re.compile("a+"), "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3),
    "complex": 1 + 2j, "set": {1, 2}, "frozen": frozenset([1]), "bytes": b"abc", "array": bytearray(b"xyz"), "big": 10**40,
    "negative": -10**30, "enormous": 1 << 3000, "deque": collections.deque([1], maxlen=3), "counter": collections.Counter("aab"),
    "default": collections.defaultdict(list, {1: [2]}), "ordered": collections.OrderedDict(a=1), "point": Point(1, 2), "slice": slice(1, 2),
    "range": range(3), "logger": logging.getLogger("x"), "error": ValueError("x"), "iterator": iter([1]), "ellipsis": ..., "looped": looped,
    "float64": np.float64(0.9), "int64": np.int64(3), "bool_": np.bool_(True), "dtype": np.dtype("f4"), "ndarray": np.arange(5.0),
    "objects": np.array(["a", None], dtype=object), "date64": np.datetime64("2026-01-01"), "generator": np.random.default_rng(0),
    "random": random.Random(1).getstate()[:1], "device": torch.device("cpu"), "half": torch.float16, "size": torch.Size([1, 2]),
    "sparse": torch.eye(2).to_sparse(), "complex64": torch.ones(2, dtype=torch.complex64), "float8": torch.ones(2).to(torch.float8_e4m3fn),
    "short": torch.ones(2, dtype=torch.int16), "char": torch.ones(2, dtype=torch.int8),
}


def save(name, content, protocol=2, zipped=True):
    torch.save(content, FOLDER / name, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)


def rezip(name, wrap=lambda file: file):
    """An archive of which every size was written as 64 bits, as zipfile does when it is told that a member may become large."""
    saved = io.BytesIO()
    torch.save(PLAIN, saved)
    source = zipfile.ZipFile(saved)
    with open(FOLDER / name, "wb") as file, zipfile.ZipFile(wrap(file), "w", zipfile.ZIP_STORED) as target:
        for member in source.infolist():
            with target.open(zipfile.ZipInfo(member.filename), "w", force_zip64=True) as out:
                out.write(source.read(member))


class Pipe(io.RawIOBase):
    """A file that cannot be searched: sizes follow the bytes."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


for protocol in (2, 3, 4, 5):
    for zipped in (True, False):
        # A legacy file holds the source path of a module's class: left out, since it differs from machine to machine.
        inert = {k: v for k, v in INERT.items() if zipped or k != "class"}
        save(f"inert-{protocol}-{'zip' if zipped else 'legacy'}.pth", {"args": inert, "net": PLAIN, "best": np.float64(0.9)}, protocol, zipped)
save("nested.pth", {"epoch": 3, "model": {"state_dict": {"module._orig_mod." + n: t for n, t in PLAIN.items()}}})
save("lightning.pth", {"state_dict": {**{"model." + n: t for n, t in PLAIN.items()}, "criterion.weight": torch.ones(3)},
                       "hyper_parameters": INERT["namespace"], "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}}]})
save("torchvision-ema.pth", {"model": PLAIN, "model_ema": {"n_averaged": torch.tensor(5), **{"module." + n: t for n, t in EMA.items()}}})
save("timm-ema.pth", {"state_dict": PLAIN, "state_dict_ema": EMA, "args": INERT["namespace"]})
save("student.pth", {**{"student." + n: t for n, t in PLAIN.items()}, **{"teacher." + n: t for n, t in EMA.items()}})
save("two.pth", {"first": PLAIN, "second": EMA})
parameter, noted = torch.nn.Parameter(PLAIN["classifier.bias"].clone()), PLAIN["conv_stem.weight"].clone()
parameter.note = {"a": 1}
noted.note = "x"
save("attributes.pth", {**PLAIN, "classifier.bias": parameter, "conv_stem.weight": noted})
save("unreadable.pth", {**PLAIN, "classifier.bias": PLAIN["classifier.bias"].to_sparse()})
save("arrays.pth", {"state_dict": {n: t.numpy() for n, t in PLAIN.items()}})
save("whole.pth", {"model": torch.nn.Linear(2, 2), "epoch": 3})
rezip("zip64.pth")
rezip("zip64-descriptors.pth", Pipe)
