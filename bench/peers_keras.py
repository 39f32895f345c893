"""EfficientNet-lite0 in Keras, which has no lite networks of its own: b0's stages without squeeze-excitation, ReLU6 for swish."""
from peers_tinygrad import STAGES


def lite0(size, classes=1000):
    from tensorflow.keras import Model, layers

    def normed(x, act=True):
        x = layers.BatchNormalization(epsilon=1e-3)(x)
        return layers.ReLU(6.0)(x) if act else x

    x = image = layers.Input((size, size, 3))
    x = normed(layers.Conv2D(32, 3, 2, "same", use_bias=False)(x))
    for expansion, kernel, first_stride, _, outputs, count in STAGES:
        for i in range(count):
            source, stride = x, first_stride if i == 0 else 1
            if expansion > 1:
                x = normed(layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False)(x))
            x = normed(layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False)(x))
            x = normed(layers.Conv2D(outputs, 1, use_bias=False)(x), act=False)
            x = layers.Add()([source, x]) if i > 0 else x
    x = normed(layers.Conv2D(1280, 1, use_bias=False)(x))
    return Model(image, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))
