#!/usr/bin/env python3
"""Writes tests/golden/tensorflow/model.ckpt.* with TensorFlow's own Saver (TensorFlow 2.21 made the committed files).

Variable i, counted from 0 in the order below, holds 100 i, 100 i + 1, ... in row-major order; averages hold their negatives.
"""
import sys

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_eager_execution()
VARIABLES = [
    ("efficientnet-b0/stem/conv2d/kernel", (3, 3, 2, 4), np.float32),
    ("efficientnet-b0/blocks_0/depthwise_conv2d/depthwise_kernel", (3, 3, 4, 1), np.float32),
    ("efficientnet-b0/head/dense/kernel", (5, 3), np.float32),
    ("efficientnet-b0/head/dense/bias", (3,), np.float64),
    ("efficientnet-b0/stem/tpu_batch_normalization/moving_mean", (4,), np.float16),
    ("efficientnet-b0/stem/conv2d/kernel/RMSProp", (2,), np.float32),
    ("global_step", (), np.int64),
]
saved = []
for i, (name, shape, dtype) in enumerate(VARIABLES):
    values = (100 * i + np.arange(int(np.prod(shape)))).reshape(shape).astype(dtype)
    saved.append(tf.get_variable(name, initializer=values))
    if name.endswith("stem/conv2d/kernel"):
        saved.append(tf.get_variable(name + "/ExponentialMovingAverage", initializer=-values))
saved.append(tf.get_variable("note", initializer=tf.constant("a text")))
with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    tf.train.Saver(saved).save(session, sys.argv[1], write_meta_graph=False)
