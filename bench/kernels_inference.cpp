// The kernels as nn/efficientnet/inference.cpp calls them.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.h"
#include "bench/case_parts.h"
#include "layers/blocks/mbconv_folded.h"
#include "layers/blocks/planes.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/work.h"
#include "tensor/parallel.h"

namespace vitrine {
namespace {

using Run = std::function<void()>;

std::int64_t padded(std::int64_t channels) { return (channels + 15) / 16 * 16; }
std::int64_t packed_floats(std::int64_t K, std::int64_t N) { return (K + 1) * padded(N); }

std::shared_ptr<const PackedWeights> packed(std::int64_t K, std::int64_t N) {
  return std::make_shared<const PackedWeights>(drawn({K, N}).host(), drawn({N}).host(), K, N);
}

// The tensors of one group under way.
struct Workspace {
  std::vector<Tensor> tensors;

  explicit Workspace(const std::vector<std::int64_t>& floats) {
    for (const std::int64_t n : floats) tensors.push_back(drawn({n}));
  }
  float* operator[](std::size_t i) { return tensors[i].mutable_host().data(); }
};

// The cases of one network: a group's work as often as groups are under way, each in a workspace of its own.
struct InferenceList {
  Activation activation;
  std::int64_t concurrent, batch;
  std::int64_t images = 1;  // of a group, in the block at hand
  std::vector<KernelCase> cases{};

  // kernel(workspace) runs a group; weights stand in the kernel and are shared. `lay_out` gives the kernel when its case is prepared.
  template <class LayOut>
  void add(const char* name, const std::string& shape, const KernelWork& work, std::vector<std::int64_t> floats,
           LayOut lay_out) {
    const auto prepare = [concurrent = concurrent, floats = std::move(floats), lay_out] {
      auto workspaces = std::make_shared<std::vector<Workspace>>();
      for (std::int64_t i = 0; i < concurrent; ++i) workspaces->emplace_back(floats);
      const auto kernel = lay_out();
      const auto run_groups = [workspaces, kernel](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) kernel((*workspaces)[static_cast<std::size_t>(i)]);
      };
      return Run([concurrent, run_groups] { concurrent == 1 ? run_groups(0, 1) : parallel_for(concurrent, 1, run_groups); });
    };
    const double runs = static_cast<double>(batch) / static_cast<double>(images * concurrent);
    add_distinct(cases, {"inference", name, shape, runs, work.times(concurrent), 0, prepare});
  }
};

void add_stem(InferenceList& list, const LayerWork& w) {
  const ConvShape s = w.shape;
  const std::int64_t in = s.N * s.H * s.W * s.C, out = s.N * s.P * s.Q * s.K, K = s.R * s.S * s.C;
  KernelWork work{.multiply_adds = w.multiply_adds(), .activations = static_cast<double>(out)};
  work.reads(in + packed_floats(K, s.K));
  work.writes(out);
  list.add("folded stem", text_of_convolution(s), work, {in, out}, [s, K, activation = list.activation] {
    return [s, activation, weights = packed(K, s.K)](Workspace& w) {
      kernels::folded_kernels().convolution(s, weights->view(), activation, w[0], w[1]);
    };
  });
}

// Sweep A.
void add_expand_depthwise(InferenceList& list, const BlockSpec& b, const ConvShape& d) {
  const std::int64_t rows = d.N * d.H * d.W, out_rows = d.N * d.P * d.Q, M = d.C, taps = d.R * d.S * M;
  const kernels::FoldedShape s{d, b.in, list.activation};
  const bool expands = b.expands(), gated = b.squeeze > 0;
  KernelWork work{.multiply_adds = static_cast<double>(out_rows * taps), .activations = static_cast<double>(out_rows * M)};
  if (expands) {
    work.multiply_adds += static_cast<double>(rows * b.in * M);
    work.activations += static_cast<double>(rows * M);
    work.reads(packed_floats(b.in, M));
  }
  work.reads(rows * b.in + taps + M);
  work.writes(out_rows * M + (gated ? d.N * M : 0));
  const std::string shape = text(expands ? text(b.in, " to ") : "", text_of_depthwise(d));
  list.add("folded expand depthwise", shape, work, {rows * b.in, kernels::plane_floats(out_rows, M), d.N * M},
           [s, expands, gated, taps, M, in = b.in] {
             const auto weights = expands ? packed(in, M) : nullptr;
             return [s, gated, weights, filter = drawn({taps}), bias = drawn({M})](Workspace& w) {
               const kernels::Packed expand = weights != nullptr ? weights->view() : kernels::Packed{};
               kernels::folded_kernels().expand_depthwise(s, {expand, filter.data(), bias.data()}, w[0], w[1],
                                                          gated ? w[2] : nullptr);
             };
           });
}

void add_gate(InferenceList& list, const BlockSpec& b, std::int64_t N) {
  const std::int64_t M = b.middle, R = b.squeeze;
  KernelWork work{.multiply_adds = static_cast<double>(2 * N * M * R), .activations = static_cast<double>(N * (M + R))};
  work.reads(packed_floats(M, R) + packed_floats(R, M) + N * M);
  work.writes(N * R + N * M);
  list.add("folded gate", text(N, " ", M, " to ", R), work, {N * M, N * R, N * M}, [N, M, R] {
    return [N, reduce = packed(M, R), excite = packed(R, M)](Workspace& w) {
      kernels::folded_kernels().gate(N, reduce->view(), excite->view(), w[0], w[1], w[2]);
    };
  });
}

// Sweep B.
void add_project(InferenceList& list, const BlockSpec& b, const ConvShape& d) {
  const std::int64_t N = d.N, pixels = d.P * d.Q, rows = N * pixels, M = d.C, K = b.out;
  const bool gated = b.squeeze > 0, residual = b.residual();
  KernelWork work{.multiply_adds = static_cast<double>(rows * M * K)};
  work.reads(packed_floats(M, K) + rows * M + (gated ? N * M : 0) + (residual ? rows * K : 0));
  work.writes(rows * K);
  const std::string shape = text(text_of_pointwise(N, d.P, d.Q, M, K), gated ? ", gate" : "", residual ? ", residual" : "");
  list.add("folded project", shape, work, {kernels::plane_floats(rows, M), N * M, rows * K, rows * K},
           [N, pixels, M, K, gated, residual] {
             return [N, pixels, gated, residual, weights = packed(M, K)](Workspace& w) {
               kernels::folded_kernels().project(N, pixels, weights->view(), w[0], gated ? w[1] : nullptr,
                                                 residual ? w[2] : nullptr, w[3]);
             };
           });
}

void add_head(InferenceList& list, const LayerWork& head, const LayerWork& classifier) {
  const std::int64_t N = head.shape.N, pixels = head.shape.P * head.shape.Q, C = head.shape.C, K = head.shape.K;
  KernelWork work{.multiply_adds = head.multiply_adds(), .activations = static_cast<double>(N * pixels * K)};
  work.reads(packed_floats(C, K) + N * pixels * C);
  work.writes(N * K);
  list.add("folded head", text_of_convolution(head.shape), work, {N * pixels * C, N * K},
           [N, pixels, C, K, activation = list.activation] {
             return [N, pixels, activation, weights = packed(C, K)](Workspace& w) {
               kernels::folded_kernels().head(N, pixels, weights->view(), activation, w[0], w[1]);
             };
           });
  const std::int64_t classes = classifier.shape.K;
  KernelWork last{.multiply_adds = classifier.multiply_adds()};
  last.reads(packed_floats(K, classes) + N * K);
  last.writes(N * classes);
  list.add("folded linear", text_of_convolution(classifier.shape), last, {N * K, N * classes}, [N, K, classes] {
    return
        [N, weights = packed(K, classes)](Workspace& w) { kernels::folded_kernels().linear(N, weights->view(), w[0], w[1]); };
  });
}

}  // namespace

std::vector<KernelCase> inference_cases(const Architecture& arch, std::int64_t batch, std::int64_t size) {
  std::vector<LayerWork> layers = layers_of(arch, 1, size, 3, 1000);
  const InferenceGroups groups = inference_groups(batch, block_sizes(layers), thread_count());
  InferenceList list{arch.lite ? Activation::relu6 : Activation::swish, groups.concurrent, batch};
  const auto in_groups_of = [&](std::int64_t images, LayerWork& layer) {
    list.images = layer.shape.N = images;
    return layer;
  };
  add_stem(list, in_groups_of(groups.images.front(), layers.front()));
  std::size_t block = 0;
  for (LayerWork& layer : layers) {
    if (!layer.depthwise) continue;
    const BlockSpec& b = arch.blocks[block];
    const ConvShape d = in_groups_of(groups.images[block++], layer).shape;
    add_expand_depthwise(list, b, d);
    if (b.squeeze > 0) add_gate(list, b, d.N);
    add_project(list, b, d);
  }
  LayerWork &head = layers[layers.size() - 2], &classifier = layers.back();
  add_head(list, in_groups_of(groups.images.back(), head), in_groups_of(groups.images.back(), classifier));
  return std::move(list.cases);
}

}  // namespace vitrine
