#!/usr/bin/env python3
"""Checks the audit of a run without Vitrine: manifest, chain, trace and lineage (docs/audit-format.md).

  scripts/verify.py RUN                 or RUN/audit/fold_0

Standard library only. Exit code 0: everything holds; 3: the first thing that does not, in one sentence."""
import hashlib
import json
import os
import struct
import sys

TABLE = list(range(256))
for _ in range(8):
    TABLE = [(entry >> 1) ^ (0x82F63B78 if entry & 1 else 0) for entry in TABLE]
PAIRS = [(TABLE[p & 255] >> 8) ^ TABLE[(TABLE[p & 255] ^ (p >> 8)) & 255] for p in range(65536)]  # of two bytes at once


def crc32c(data):
    odd = len(data) & 1
    crc = 0xFFFFFF ^ TABLE[data[0] ^ 255] if odd else 0xFFFFFFFF  # of the first byte, where there is one too many for pairs
    for pair in struct.unpack(f"<{len(data) // 2}H", data[odd:]):
        crc = (crc >> 16) ^ PAIRS[(crc ^ pair) & 65535]
    return crc ^ 0xFFFFFFFF


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def refuse(sentence):
    sys.exit(print(f"verify: {sentence}", file=sys.stderr) or 3)


def blocks(path, seal, listed):
    """(step, number of blocks, bytes, seal) after each block of the trace. Where the manifest covers all bytes, CRCs are not compared again."""
    data, at, number = open(path, "rb").read(), 8, 0
    if data[:8] != b"VTRACE01":
        refuse(f"{path}: is no trace of format 01")
    while at < len(data):
        if len(data) - at < 68:
            refuse(f"{path}: ends within block {number}, at byte {at}")
        magic, _kind, found, step, _count, size = struct.unpack_from("<4sIQQII", data, at)
        body, tail = data[at:at + 32 + size], data[at + 32 + size:at + 68 + size]
        if magic != b"VTRB" or found != number or len(tail) < 36 or not (listed or struct.unpack("<I", tail[:4])[0] == crc32c(body)):
            refuse(f"{path}: block {number} at byte {at} is damaged")
        seal = hashlib.sha256(bytes.fromhex(seal) + body).hexdigest()
        if tail[4:].hex() != seal:
            refuse(f"{path}: block {number} at byte {at} does not follow the one before")
        at, number = at + 68 + size, number + 1
        yield step, number, at, seal


def check_fold(folder):
    path = lambda *names: os.path.join(folder, *names)
    if os.path.exists(path("MANIFEST.json")):
        listed = json.load(open(path("MANIFEST.json")))["files"]
        for entry in listed:
            place = os.path.normpath(path(entry["path"]))
            if not os.path.exists(place) or os.path.getsize(place) != entry["bytes"] or sha256_of(place) != entry["sha256"]:
                refuse(f"{place}: is missing or not the file that the manifest names")
        if extra := set(os.listdir(folder)) - {entry["path"] for entry in listed} - {"MANIFEST.json"}:
            refuse(f"{path(min(extra))}: is not in the manifest")
    prev = sha256_of(path("run.json"))
    head, trace = (0, 8, prev), blocks(path("trace.vtr"), prev, os.path.exists(path("MANIFEST.json")))
    lineage, number = iter(open(path("lineage.jsonl"), "rb")), 0
    pending = next(lineage, None)
    for number, line in enumerate(open(path("steps.jsonl"), "rb"), 1):
        where = f"{path('steps.jsonl')}: step {number - 1} (line {number})"
        if not line.endswith(b'"}\n') or line[-73:-67] != b',"h":"':
            refuse(f"{where} was not finished or does not end with its hash")
        body, told = line[:-73], line[-67:-3].decode()
        if hashlib.sha256(body).hexdigest() != told or not body.endswith(f'"prev":"{prev}"'.encode()):
            refuse(f"{where} breaks the chain")
        prev, step = told, json.loads(line)
        while head[0] < step["blocks"]:
            block = next(trace, None) or refuse(f"{path('trace.vtr')}: ends before step {step['step']}")
            head = block[1:]
        if head != (step["blocks"], step["bytes"], step["trace"]) or step["step"] != number - 1:
            refuse(f"{where} does not fit the trace")
        mine = hashlib.sha256()
        while pending is not None and pending.startswith(b'{"step":%d,' % step["step"]):
            mine.update(pending)
            pending = next(lineage, None)
        if mine.hexdigest() != step["lineage"]:
            refuse(f"{path('lineage.jsonl')}: the lines of step {step['step']} were changed")
    if os.path.exists(path("MANIFEST.json")) and (pending is not None or next(trace, None) is not None):
        refuse(f"{folder}: trace or lineage goes on behind the chain's last step; a line of the chain is missing")
    print(f"{folder}: {number} steps, {head[0]} blocks hold; head {prev}")


run = sys.argv[1] if len(sys.argv) == 2 and not sys.argv[1].startswith("-") else sys.exit(__doc__)
inside = os.path.join(run, "audit")
folds = sorted(os.listdir(inside)) if os.path.isdir(inside) else []
for folder in [os.path.join(inside, fold) for fold in folds] or [run]:
    check_fold(folder)
