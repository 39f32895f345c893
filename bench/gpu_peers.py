#!/usr/bin/env python3
"""EfficientNet-b0 in PyTorch on a GPU, for scripts/gpu-check: one line of JSON for every case and way of running it.

  gpu_peers.py [--quick] [--device cuda:0|cuda-host] [--budget SECONDS]       cuda-host: a rehearsal on the CPU, eager only

The network is written out here, so that torch alone is enough. Ways: eager (channels_last), torch.compile in its modes reduce-overhead
and max-autotune, and the whole step captured by hand in one graph. Times are medians over CUDA events. What takes long comes last: all
cases eager and as a graph, then the compilers, the cases that are held to them first. Nothing begins once the budget is spent."""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

STAGES = ((1, 3, 1, 1, 32, 16), (2, 3, 2, 6, 16, 24), (2, 5, 2, 6, 24, 40), (3, 3, 2, 6, 40, 80), (3, 5, 1, 6, 80, 112),
          (4, 5, 2, 6, 112, 192), (1, 3, 1, 6, 192, 320))  # repeats, kernel, stride, expansion, in, out: the paper's table 1


class ConvNorm(nn.Sequential):
    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, activated=True):
        layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs, eps=1e-3)]
        super().__init__(*layers, *([nn.SiLU(inplace=True)] if activated else []))


class Squeeze(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        return x * torch.sigmoid(self.expand(F.silu(self.reduce(x.mean((2, 3), keepdim=True)))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion, drop):
        super().__init__()
        middle = inputs * expansion
        parts = [ConvNorm(inputs, middle, 1)] if expansion > 1 else []
        parts += [ConvNorm(middle, middle, kernel, stride, middle), Squeeze(middle, max(1, inputs // 4)), ConvNorm(middle, outputs, 1, activated=False)]
        self.branch, self.residual, self.drop = nn.Sequential(*parts), stride == 1 and inputs == outputs, drop

    def forward(self, x):
        y = self.branch(x)
        if not self.residual:
            return y
        if self.training and self.drop > 0:
            kept = (torch.rand(y.shape[0], 1, 1, 1, device=y.device) >= self.drop).to(y.dtype) / (1 - self.drop)
            y = y * kept
        return x + y


class EfficientNetB0(nn.Module):
    def __init__(self, classes):
        super().__init__()
        blocks, count = [], sum(s[0] for s in STAGES)
        for repeats, kernel, stride, expansion, inputs, outputs in STAGES:
            for i in range(repeats):
                blocks.append(Block(inputs if i == 0 else outputs, outputs, kernel, stride if i == 0 else 1, expansion, 0.2 * len(blocks) / count))
        self.features = nn.Sequential(ConvNorm(3, 32, 3, 2), *blocks, ConvNorm(320, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def timed(run, on_gpu, seconds):
    """Median milliseconds of one call."""
    for _ in range(3):
        run()
    times, start = [], time.perf_counter()
    while len(times) < 5 or (len(times) < 200 and time.perf_counter() - start < seconds):
        if on_gpu:
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            first.record()
            run()
            last.record()
            last.synchronize()
            times.append(first.elapsed_time(last))
        else:
            begin = time.perf_counter()
            run()
            times.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(times), len(times)


def captured(run):
    """`run` as one CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def runner(kind, batch, size, precision, way, device):
    on_gpu = device.type == "cuda"
    classes = 2 if kind == "train" else 1000
    net = EfficientNetB0(classes).to(device, memory_format=torch.channels_last).train(kind == "train")
    images = torch.rand(batch, 3, size, size, device=device).to(memory_format=torch.channels_last)
    targets = torch.full((batch, 2), 0.5, device=device)
    if way in ("reduce-overhead", "max-autotune"):
        net = torch.compile(net, mode=way)
    cast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
    if kind == "infer":
        def run():
            with torch.no_grad(), cast:
                return net(images)
    else:
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-4, betas=(0.9, 0.99), fused=on_gpu, capturable=on_gpu)

        def run():
            optimizer.zero_grad(set_to_none=True)
            with cast:
                loss = F.cross_entropy(net(images), targets)
            loss.backward()
            optimizer.step()
    return captured(run) if way == "whole graph" else run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--budget", type=float, default=3600)
    args = parser.parse_args()
    start = time.perf_counter()
    on_gpu = args.device.startswith("cuda:")
    if on_gpu and not torch.cuda.is_available():
        sys.exit("gpu_peers: PyTorch sees no GPU")
    device = torch.device(args.device if on_gpu else "cpu")
    torch.backends.cudnn.benchmark = True
    held = [("train", 16, 64, "fp32"), ("train", 16, 224, "bf16")]  # to compiled PyTorch
    cases = held + [("train", 256, 224, "bf16"), ("infer", 1, 224, "fp32"), ("train", 16, 64, "bf16"), ("train", 16, 64, "tf32"), ("train", 16, 224, "fp32"),
                    ("train", 16, 224, "tf32"), ("infer", 16, 64, "fp32"), ("infer", 16, 224, "fp32"), ("infer", 256, 224, "fp32")]
    runs = [(case, way) for case in cases for way in ("eager", "whole graph")]
    if not args.quick:
        runs += [(case, way) for case in cases for way in ("reduce-overhead", "max-autotune")]
    if not on_gpu:
        runs = [(("train", 2, 32, "fp32"), "eager"), (("infer", 1, 64, "fp32"), "eager")]
    for (kind, batch, size, precision), way in runs:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        line = {"kind": kind, "peer": "PyTorch " + torch.__version__, "way": way, "arch": "b0", "batch": batch, "size": size, "precision": precision}
        try:
            if time.perf_counter() - start > args.budget:
                raise TimeoutError(f"not begun: the budget of {args.budget:.0f} s was spent")
            torch.compiler.reset()
            line["median_ms"], line["repetitions"] = timed(runner(kind, batch, size, precision, way, device), on_gpu, 0.3 if args.quick else 2)
        except Exception as error:  # a way that this version or machine lacks
            line["failed"] = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        if on_gpu:
            torch.cuda.empty_cache()
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
