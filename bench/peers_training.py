"""One training step of the peers: forward, cross-entropy of two classes, backward, Adam."""
from peers_inference import example, network


def torch_step(case):
    import torch

    torch.set_num_threads(case.threads)
    net = network(case.arch, classes=2).train()
    x, y = example(case), torch.randint(0, 2, (case.batch,))
    if case.peer != "eager":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), 1e-4, foreach=True)
    loss_of = torch.nn.CrossEntropyLoss()
    forward = torch.compile(net) if case.peer == "compile" else net

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss_of(forward(x), y).backward()
        optimizer.step()

    return run, torch.__version__


def jax_step(case):
    """keras.applications on JAX: the whole step as one jitted function whose state is donated, as Keras' guide on training with JAX does it."""
    import jax
    import keras

    keras.utils.set_random_seed(0)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 1)
    make = getattr(keras.applications, "EfficientNet" + case.arch.upper())
    net = make(weights=None, input_shape=(case.size, case.size, 3), classes=2, classifier_activation=None)
    optimizer = keras.optimizers.Adam(1e-4)
    optimizer.build(net.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss_and_state(trained, kept, x, y):
        logits, kept = net.stateless_call(trained, kept, x, training=True)
        return loss_of(y, logits), kept

    gradient_of = jax.value_and_grad(loss_and_state, has_aux=True)

    def step(state, x, y):
        trained, kept, moments = state
        (loss, kept), gradients = gradient_of(trained, kept, x, y)
        trained, moments = optimizer.stateless_apply(moments, gradients, trained)
        return loss, (trained, kept, moments)

    jitted = jax.jit(step, donate_argnums=0)
    x = jax.random.normal(jax.random.key(0), (case.batch, case.size, case.size, 3))
    y = jax.random.bernoulli(jax.random.key(1), 0.5, (case.batch,)).astype("int32")
    state = tuple([v.value for v in group] for group in (net.trainable_variables, net.non_trainable_variables, optimizer.variables))
    holder = [state]

    def run():
        loss, holder[0] = jitted(holder[0], x, y)
        jax.block_until_ready((loss, holder[0]))

    return run, f"{jax.__version__} (Keras {keras.__version__})"


def step_of(case):
    """(function to time, version)"""
    if case.peer == "tinygrad":
        from peers_tinygrad import step

        return step(case)
    return jax_step(case) if case.peer == "jax" else torch_step(case)
