"""EfficientNet's training step in tinygrad, whose package holds no networks: layers after torchvision's EfficientNet, the step under TinyJit."""
import math
import os

# expansion, kernel, stride, input channels, output channels, layers of b0; width and depth factors, dropout of the others (Tan and Le 2019)
STAGES = ((1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3), (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4),
          (6, 3, 1, 192, 320, 1))
SCALES = {"b0": (1.0, 1.0, 0.2), "b4": (1.4, 1.8, 0.4)}


def widened(channels, factor):
    wanted = channels * factor
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class Block:
    """An MBConv: expansion, depthwise convolution, squeeze-excitation, projection, residual with stochastic depth."""

    def __init__(self, expansion, kernel, stride, inputs, outputs, drop):
        from tinygrad import nn

        wide, squeezed = inputs * expansion, max(1, inputs // 4)
        self.drop, self.residual = drop, stride == 1 and inputs == outputs
        self.expand = (nn.Conv2d(inputs, wide, 1, bias=False), nn.BatchNorm(wide)) if expansion > 1 else None
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False)
        self.depthwise_norm = nn.BatchNorm(wide)
        self.squeeze, self.excite = nn.Conv2d(wide, squeezed, 1), nn.Conv2d(squeezed, wide, 1)
        self.project, self.project_norm = nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm(outputs)

    def __call__(self, x):
        from tinygrad import Tensor

        y = x
        if self.expand:
            y = self.expand[1](self.expand[0](y)).silu()
        y = self.depthwise_norm(self.depthwise(y)).silu()
        y = y * self.excite(self.squeeze(y.mean((2, 3), keepdim=True)).silu()).sigmoid()
        y = self.project_norm(self.project(y))
        if not self.residual:
            return y
        if self.drop > 0:
            kept = Tensor.rand(x.shape[0], 1, 1, 1) >= self.drop
            y = kept.where(y, 0) / (1 - self.drop)
        return x + y


class Network:
    def __init__(self, arch, classes):
        from tinygrad import nn

        width, depth, self.dropout = SCALES[arch]
        stem = widened(32, width)
        self.stem, self.stem_norm = nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm(stem)
        layers = [math.ceil(row[5] * depth) for row in STAGES]
        self.blocks = []
        for (expansion, kernel, stride, inputs, outputs, _), count in zip(STAGES, layers):
            for i in range(count):
                source = widened(inputs, width) if i == 0 else widened(outputs, width)
                drop = 0.2 * len(self.blocks) / sum(layers)
                self.blocks.append(Block(expansion, kernel, stride if i == 0 else 1, source, widened(outputs, width), drop))
        last = widened(320, width)
        self.head, self.head_norm = nn.Conv2d(last, 4 * last, 1, bias=False), nn.BatchNorm(4 * last)
        self.classifier = nn.Linear(4 * last, classes)

    def __call__(self, x):
        x = self.stem_norm(self.stem(x)).silu()
        for block in self.blocks:
            x = block(x)
        x = self.head_norm(self.head(x)).silu().mean((2, 3))
        return self.classifier(x.dropout(self.dropout))


def captured(case):
    """(the step under TinyJit, its inputs), run twice: the second run is the one that TinyJit captures."""
    from tinygrad import Context, Tensor, TinyJit, nn

    Tensor.manual_seed(0)
    net = Network(case.arch, 2)
    optimizer = nn.optim.Adam(nn.state.get_parameters(net), lr=1e-4)
    x = Tensor.randn(case.batch, 3, case.size, case.size).realize()
    y = Tensor.randint(case.batch, high=2).realize()

    @TinyJit
    def jitted(x, y):
        optimizer.zero_grad()
        loss = net(x).sparse_categorical_crossentropy(y).backward()
        return loss.realize(*optimizer.schedule_step())

    with Context(TRAINING=1):
        for _ in range(2):
            jitted(x, y).item()
    return jitted, x, y


def step(case):
    """(function to time, version). Scheduling takes minutes: a captured step is kept beside tinygrad's cache of kernels, where that is named."""
    import importlib.metadata
    import pickle

    version = importlib.metadata.version("tinygrad")
    kept = os.path.join(os.path.dirname(os.environ.get("CACHEDB", "")), f"tinygrad-{version}-{case.arch}-{case.batch}x{case.size}-{case.threads}.pickle")
    if "CACHEDB" in os.environ and os.path.exists(kept):
        with open(kept, "rb") as file:
            jitted, x, y = pickle.load(file)
    else:
        jitted, x, y = captured(case)
        if "CACHEDB" in os.environ:
            with open(kept + ".part", "wb") as file:
                pickle.dump((jitted, x, y), file)
            os.rename(kept + ".part", kept)

    return lambda: jitted(x, y).item(), version
