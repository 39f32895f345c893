// The kernels as layers/blocks/mbconv_fused.cpp, conv_norm_fused.cpp and the ops around them call them in a training step.
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "bench/training_parts.h"
#include "layers/conv2d.h"
#include "layers/global_average_pool.h"
#include "layers/linear.h"
#include "nn/efficientnet/work.h"
#include "nn/modules/optimizer.h"

namespace vitrine {
namespace {

KernelWork convolution_work(const ConvShape& s) {
  KernelWork work;
  work.multiply_adds = static_cast<double>(s.N * s.P * s.Q * s.K) * static_cast<double>(s.R * s.S * s.C);
  work.reads(s.N * s.H * s.W * s.C + s.R * s.S * s.C * s.K);
  work.writes(s.N * s.P * s.Q * s.K);
  return work;
}

struct ConvolutionTensors {
  ConvShape s;
  Tensor x, w, y, scratch;

  explicit ConvolutionTensors(const ConvShape& shape)
      : s(shape), x(drawn({s.N, s.H, s.W, s.C})), w(drawn({s.R, s.S, s.C, s.K})), y(drawn({s.N, s.P, s.Q, s.K})) {
    const std::int64_t chunks = kernels::weight_gradient_chunks(s);
    scratch = Tensor::uninitialized({std::max<std::int64_t>(chunks, 1), w.size()});
  }
};

void add_convolution(TrainingLists& lists, const std::string& name, const ConvShape& s, bool input_gradient) {
  const std::string shape = text_of_convolution(s);
  const KernelWork work = convolution_work(s);
  lists.forward(name, shape, work, [s] {
    return [t = std::make_shared<ConvolutionTensors>(s)] {
      kernels::conv2d_kernels().forward(t->s, t->x.data(), t->w.data(), nullptr, t->y.mutable_data());
    };
  });
  if (input_gradient) {
    lists.backward(name + " input gradient", shape, work, [s] {
      return [t = std::make_shared<ConvolutionTensors>(s)] {
        kernels::conv2d_kernels().backward_data(t->s, t->y.data(), t->w.data(), t->scratch.mutable_data(), t->x.mutable_data());
      };
    });
  }
  lists.backward(name + " weight gradient", shape, work, [s] {
    return [t = std::make_shared<ConvolutionTensors>(s)] {
      float* const scratch = kernels::weight_gradient_chunks(t->s) > 0 ? t->scratch.mutable_data() : nullptr;
      kernels::conv2d_kernels().backward_weights(t->s, t->x.data(), t->y.data(), scratch, t->w.mutable_data());
    };
  });
}

void add_pool(TrainingLists& lists, std::int64_t N, std::int64_t pixels, std::int64_t C) {
  const std::string shape = text(N, "x", pixels, " ", C);
  KernelWork work;
  work.reads(N * pixels * C);
  work.writes(N * C);
  lists.forward("global pool", shape, work, [=] {
    return [=, x = drawn({N, pixels, C}), y = std::make_shared<Tensor>(drawn({N, C}))] {
      kernels::global_average_pool_kernels().forward(x.data(), N, pixels, C, y->mutable_data());
    };
  });
  lists.backward("global pool gradient", shape, work, [=] {
    return [=, dy = drawn({N, C}), dx = std::make_shared<Tensor>(drawn({N, pixels, C}))] {
      kernels::global_average_pool_kernels().backward(dy.data(), N, pixels, C, dx->mutable_data());
    };
  });
}

void add_classifier(TrainingLists& lists, const LayerWork& layer) {
  const std::int64_t N = layer.shape.N, C = layer.shape.C, K = layer.shape.K;
  const std::string shape = text(N, " ", C, " to ", K);
  KernelWork work{.multiply_adds = layer.multiply_adds()};
  work.reads(N * C + C * K + K);
  work.writes(N * K);
  lists.forward("classifier", shape, work, [=] {
    return [=, x = drawn({N, C}), w = drawn({C, K}), b = drawn({K}), y = std::make_shared<Tensor>(drawn({N, K}))] {
      kernels::linear_kernels().forward(x.data(), w.data(), b.data(), N, C, K, y->mutable_data());
    };
  });
  KernelWork both{.multiply_adds = 2 * layer.multiply_adds()};
  both.reads(N * C + C * K + N * K);
  both.writes(N * C + C * K + K);
  lists.backward("classifier gradients", shape, both, [=] {
    struct Results {
      Tensor scratch, dx, dw, db;
    };
    auto to = std::make_shared<Results>(Results{drawn({C, K}), drawn({N, C}), drawn({C, K}), drawn({K})});
    return [=, x = drawn({N, C}), w = drawn({C, K}), dy = drawn({N, K})] {
      const kernels::LinearKernels& k = kernels::linear_kernels();
      k.backward_data(dy.data(), w.data(), N, C, K, to->scratch.mutable_data(), to->dx.mutable_data());
      k.backward_weights(x.data(), dy.data(), N, C, K, to->dw.mutable_data());
      k.backward_bias(dy.data(), N, K, to->db.mutable_data());
    };
  });
}

KernelCase adam(const Architecture& arch, std::int64_t parameters) {
  KernelWork work;
  work.reads(parameters);
  for (int i = 0; i < 3; ++i) work.changes(parameters);  // both moments and the value
  const auto prepare = [arch] {
    struct State {
      EfficientNet net;
      Optimizer optimizer{OptimizerOptions{}};
      std::vector<Tensor> gradients{};
    };
    auto state = std::make_shared<State>(State{EfficientNet(arch, published_semantics(Family::timm, arch), 2)});
    state->net.initialize(1);
    state->net.visit([&](const NamedTensor& t) {
      if (t.parameter != nullptr) state->gradients.push_back(drawn(t.value->shape()));
    });
    return [state] {
      std::size_t i = 0;
      state->net.visit([&](const NamedTensor& t) {
        if (t.parameter != nullptr) state->optimizer.step(t.name, *t.value, state->gradients[i++], 1e-4);
      });
    };
  };
  return {"training", "Adam", text(parameters, " parameters"), 1, work, 0, prepare};
}

}  // namespace

std::vector<KernelCase> training_cases(const Architecture& arch, std::int64_t batch, std::int64_t size) {
  const std::vector<LayerWork> layers = layers_of(arch, batch, size, 3, 2);
  const ConvShape &stem = layers.front().shape, &head = layers[layers.size() - 2].shape;
  if (head.N * head.P * head.Q < 2) return {};
  const Activation activation = arch.lite ? Activation::relu6 : Activation::swish;
  EfficientNet net(arch, published_semantics(Family::timm, arch), 2);
  TrainingLists lists;
  lists.next();
  add_convolution(lists, "stem", stem, false);
  lists.next();
  add_norm(lists, {stem.N, stem.P, stem.Q, stem.K}, activation, false);
  Shape x{stem.N, stem.P, stem.Q, stem.K};
  for (const MBConv& block : net.blocks) x = add_block(lists, block, x);
  lists.next();
  add_convolution(lists, "head", head, true);
  lists.next();
  add_norm(lists, {head.N, head.P, head.Q, head.K}, activation, false);
  lists.next();
  add_pool(lists, head.N, head.P * head.Q, head.K);
  lists.next();
  add_classifier(lists, layers.back());
  std::vector<KernelCase> cases = lists.joined();
  cases.push_back(adam(arch, net.parameter_count()));
  return cases;
}

}  // namespace vitrine
