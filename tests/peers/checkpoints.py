#!/usr/bin/env python3
"""Checkpoints against the libraries they come from: files they write, read by Vitrine; files Vitrine writes, read by them.

  checkpoints.py PROGRAM [--all]      PROGRAM: the vitrine executable; --all: every architecture, not the small selection

Needs torch, torchvision, timm, efficientnet-pytorch, safetensors, onnx and onnxruntime; exits with 77 (skipped) without them.
Weights are drawn, so that nothing is downloaded. Logits are compared with the library's own network in float64: the error may be
at most twice the library's own float32 error (1e-6 of the scale where that is smaller). ONNX: at most 2e-6 of the scale between
ONNX Runtime and Vitrine, or three times the library's own float32 error where that is larger: drawn lite networks are so badly
conditioned that two right float32 evaluations differ by more.
"""
import argparse
import datetime
import pathlib
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    import onnx
    import onnxruntime
    import timm
    import torch
    import torchvision
    from efficientnet_pytorch import EfficientNet
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BUILD = {
    "torchvision": lambda a: getattr(torchvision.models, f"efficientnet_{a}")(weights=None),
    "timm": lambda a: timm.create_model(f"efficientnet_{a}", pretrained=False),
    "timm-tf": lambda a: timm.create_model(f"tf_efficientnet_{a}", pretrained=False),
    "efficientnet-pytorch": lambda a: EfficientNet.from_name(f"efficientnet-{a}"),
}
SMALL = [("torchvision", "b0"), ("torchvision", "b5"), ("timm", "b2"), ("timm", "lite1"), ("timm-tf", "b1"),
         ("timm-tf", "lite3"), ("efficientnet-pytorch", "b1")]
ALL = ([("torchvision", f"b{i}") for i in range(8)] + [("timm", f"b{i}") for i in range(5)] +
       [("timm", f"lite{i}") for i in range(5)] + [("timm-tf", f"b{i}") for i in range(8)] +
       [("timm-tf", f"lite{i}") for i in range(5)] + [("efficientnet-pytorch", f"b{i}") for i in range(8)])


def drawn(library, arch):
    model = BUILD[library](arch)
    for name, tensor in list(model.named_parameters()) + list(model.named_buffers()):
        if tensor.dtype != torch.float32:
            continue
        with torch.no_grad():
            if "running_var" in name:
                tensor.uniform_(0.5, 1.5)
            elif tensor.ndim == 1:
                tensor.normal_(0, 0.1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.add_(1)
    return model.eval()


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"vitrine {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def logits_by_vitrine(program, folder, *arguments):
    run(program, "predict", *arguments, "--tensor", folder / "in.safetensors", "-o", folder / "out.safetensors")
    return load_file(folder / "out.safetensors")["logits"].double()


def check(what, error, limit):
    print(f"  {what:<44} {error:.2e}  limit {limit:.2e}{'' if error <= limit else '  FAILED'}")
    return error <= limit


def check_onnx(program, folder, weights, source, images, limit):
    good = True
    expected = logits_by_vitrine(program, folder, "--weights", weights, *source)
    for flags in [[], ["--unfolded"]]:
        run(program, "export", "--weights", weights, *source, "--format", "onnx", "--input-size", images.shape[2], *flags, "-o",
            folder / "net.onnx")
        onnx.checker.check_model(str(folder / "net.onnx"), full_check=True)
        session = onnxruntime.InferenceSession(str(folder / "net.onnx"), providers=["CPUExecutionProvider"])
        found = torch.from_numpy(session.run(None, {"images": images.numpy()})[0]).double()
        good &= check(f"onnx {flags[0] if flags else 'folded'}", (found - expected).abs().max().item(), limit)
    return good


def check_case(program, folder, library, arch, size):
    torch.manual_seed(5)
    model = drawn(library, arch)
    images = torch.randn(2, 3, size, size)
    save_file({"input": images.contiguous()}, folder / "in.safetensors")
    with torch.no_grad():
        single = model(images).double()
        truth = model.double()(images.double())
        model.float()
    scale = truth.abs().max().item()
    single_error = (single - truth).abs().max().item()
    limit = max(2 * single_error, 1e-6 * scale)
    print(f"{library} {arch} at {size}")
    good = True
    for name, save in [("net.pth", torch.save), ("net.safetensors", save_file),
                       ("old.pth", lambda s, p: torch.save(s, p, _use_new_zipfile_serialization=False))]:
        save(model.state_dict(), folder / name)
        found = logits_by_vitrine(program, folder, "--weights", folder / name, "--from", library)
        good &= check(f"read {name}", (found - truth).abs().max().item(), limit)
    source = ["--from", library]
    good &= check_onnx(program, folder, folder / "net.pth", source, images, max(2e-6 * scale, 3 * single_error))
    # Through Vitrine's own file and back under the library's keys: the same bits, loaded strictly.
    run(program, "weights", "convert", folder / "net.pth", *source, "-o", folder / "own.safetensors")
    found = logits_by_vitrine(program, folder, "--weights", folder / "own.safetensors")
    good &= check("own file", (found - truth).abs().max().item(), limit)
    run(program, "weights", "convert", folder / "own.safetensors", "--to", library, "-o", folder / "back.safetensors")
    run(program, "weights", "diff", folder / "net.pth", folder / "back.safetensors")
    other = BUILD[library](arch).eval()
    other.load_state_dict(load_file(folder / "back.safetensors"), strict=True)
    with torch.no_grad():
        good &= check("loaded by the library", (other(images).double() - single).abs().max().item(), 0.0)
    if library.startswith("timm"):
        timm_net = BUILD[library](arch).eval()
        timm_net.load_state_dict(load_file(folder / "own.safetensors"), strict=True)
        with torch.no_grad():
            good &= check("own file loaded by timm", (timm_net(images).double() - single).abs().max().item(), 0.0)
    return good


def check_averages(program, folder, model, state, images):
    """A network beside a moving average of it: the plain one is read, the average with --ema."""
    average = {k: v * 0.5 if k == "classifier.1.weight" else v for k, v in state.items()}
    counted = {"n_averaged": torch.tensor(3), **{"module." + k: v for k, v in average.items()}}
    saved = {
        "timm's state_dict_ema": {"state_dict": state, "state_dict_ema": average},
        "torchvision's model_ema": {"model": state, "model_ema": counted},
        "student and teacher": {**{"student." + k: v for k, v in state.items()}, **{"teacher." + k: v for k, v in average.items()}},
    }
    good = True
    for name, content in saved.items():
        for file, save in [("pair.pth", torch.save), ("pair.safetensors", save_file)]:
            if save is save_file:
                flat = {k: v for k, v in content.items() if torch.is_tensor(v)}
                for key, part in content.items():
                    flat.update({f"{key}.{k}": v for k, v in part.items()} if isinstance(part, dict) else {})
                content = {k: v.clone().contiguous() for k, v in flat.items()}
            save(content, folder / file)
            for flags, weights in [([], state), (["--ema"], average)]:
                expected = BUILD["torchvision"]("b0").eval().double()
                expected.load_state_dict({k: v.double() if v.is_floating_point() else v for k, v in weights.items()})
                with torch.no_grad():
                    truth = expected(images.double())
                found = logits_by_vitrine(program, folder, "--weights", folder / file, *flags)
                good &= check(f"{name}, {file} {' '.join(flags)}", (found - truth).abs().max().item(), 2e-6 * truth.abs().max().item())
    return good


def check_containers(program, folder):
    """The ways in which people save a state dict, all of one torchvision b0; and a whole model, which is refused."""
    torch.manual_seed(7)
    model = drawn("torchvision", "b0")
    state = model.state_dict()
    images = torch.randn(1, 3, 64, 64)
    save_file({"input": images}, folder / "in.safetensors")

    def converted(kind):
        return {k: v.to(kind) if v.is_floating_point() else v for k, v in state.items()}

    last = {k: v.contiguous(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in state.items()}
    shared = torch.cat([v.reshape(-1) for v in state.values() if v.dtype == torch.float32])
    views, at = {}, 0
    for k, v in state.items():
        views[k] = v if v.dtype != torch.float32 else shared[at:at + v.numel()].view(v.shape)
        at += v.numel() if v.dtype == torch.float32 else 0
    saved = {
        "half": converted(torch.float16), "bfloat16": converted(torch.bfloat16), "double": converted(torch.float64),
        "channels_last": last, "shared storage": views,
        "nested": {"epoch": 3, "state_dict": state, "optimizer": torch.optim.Adam(model.parameters()).state_dict()},
        "model and EMA": {"model": state, "state_dict_ema": converted(torch.float32), "args": None},
        "DataParallel": {"module." + k: v for k, v in state.items()},
        "compiled": {"_orig_mod." + k: v for k, v in state.items()},
        "both, in a Lightning module": {"state_dict": {**{"module._orig_mod.model." + k: v for k, v in state.items()},
                                                       "criterion.weight": torch.ones(3)}},
        "model_state_dict": {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}}, "loss": 0.5},
        "two keys deep": {"model": {"state_dict": state}},
        "a list": [3, state],
        "args and numpy scalars": {"net": state, "args": argparse.Namespace(lr=0.1, out=pathlib.Path("x")), "best": np.float64(0.9),
                                   "when": datetime.datetime(2026, 1, 1), "mean": np.ones(300_000)},
        "parameters": dict(model.named_parameters()) | dict(model.named_buffers()),
    }
    good = True
    print("torchvision b0, ways of saving")
    for name, content in saved.items():
        expected = BUILD["torchvision"]("b0").eval().double()
        kind = {"half": torch.float16, "bfloat16": torch.bfloat16}.get(name, torch.float32)
        expected.load_state_dict({k: v.double() if v.is_floating_point() else v for k, v in converted(kind).items()})
        with torch.no_grad():
            truth = expected(images.double())
        for protocol, zipped in [(2, True), (4, True), (5, True), (2, False), (5, False)]:
            torch.save(content, folder / "saved.pth", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
            found = logits_by_vitrine(program, folder, "--weights", folder / "saved.pth")
            good &= check(f"{name}, protocol {protocol}, {'zip' if zipped else 'legacy'}", (found - truth).abs().max().item(),
                          2e-6 * truth.abs().max().item())
    good &= check_averages(program, folder, model, state, images)
    torch.save(model, folder / "whole.pth")
    done = subprocess.run([program, "weights", "info", str(folder / "whole.pth")], capture_output=True, text=True)
    print("  a whole model:", done.stderr.strip())
    return good and done.returncode == 4 and "EfficientNet" in done.stderr and "nothing was executed" in done.stderr


def main():
    program, everything = sys.argv[1], "--all" in sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        good = check_containers(program, Path(folder))
    for i, (library, arch) in enumerate(ALL if everything else SMALL):
        with tempfile.TemporaryDirectory() as folder:
            good &= check_case(program, Path(folder), library, arch, [64, 97, 80][i % 3])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
