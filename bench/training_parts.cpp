#include "bench/training_parts.h"

#include <memory>

#include "base/error.h"
#include "layers/blocks/conv_norm_fused.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/planes.h"
#include "layers/blocks/squeeze_excitation_fused.h"

namespace vitrine {
namespace {

// A norm of C channels whose constants are known, and one whose statistics are still to come.
struct NormTensors {
  BatchNorm norm;
  NormTensor constants;

  explicit NormTensors(std::int64_t C) : norm(BatchNorm::identity(C, 1e-3, 0.1)) {
    const std::vector<double> mean(static_cast<std::size_t>(C), 0.0), variance(mean.size(), 1.0);
    constants = NormTensor(Tensor::from<double>({C}, mean), Tensor::from<double>({C}, variance), norm.gamma.value, norm.eps);
  }
  kernels::NormOnLoad on_load() const { return {constants.view(), norm.beta.value.data()}; }
};

// What a block saves and what its kernels write, as FusedMBConvNode holds them.
struct BlockTensors {
  kernels::MBConvShape s;
  bool expands, gated;
  NormTensors norm1, norm2;
  Tensor w_expand, w_depthwise, w_project;
  Tensor x, z1, z2, z3;  // z1 is the input of the depthwise convolution, with or without expansion
  Tensor g1, g2, dx, scratch, scale, scale_gradient, means, dw_expand, dw_depthwise, dw_project;

  BlockTensors(const kernels::MBConvShape& shape, bool expand, bool gate)
      : s(shape), expands(expand), gated(gate), norm1(s.depthwise.C), norm2(s.depthwise.C) {
    const ConvShape& d = s.depthwise;
    const std::int64_t rows = d.N * d.H * d.W, out_rows = d.N * d.P * d.Q, M = d.C;
    w_depthwise = drawn({d.R, d.S, M});
    w_project = drawn({M, s.out});
    w_expand = drawn({s.in, M});
    x = drawn({rows, s.in});
    z1 = drawn({expands ? kernels::plane_floats(rows, M) : rows * M});
    z2 = drawn({kernels::plane_floats(out_rows, M)});
    z3 = drawn({out_rows, s.out});
    g1 = drawn(z1.shape());
    g2 = drawn(z2.shape());
    dx = drawn(x.shape());
    scratch = drawn(w_expand.shape());
    scale = drawn({d.N, M});
    scale_gradient = drawn({d.N, M});
    means = Tensor::full({2, M}, 0.0f);
    dw_expand = drawn(w_expand.shape());
    dw_depthwise = drawn(w_depthwise.shape());
    dw_project = drawn(w_project.shape());
  }
  kernels::NormOnLoad first() const { return expands ? norm1.on_load() : kernels::NormOnLoad{}; }
  kernels::NormOnLoad second() const { return norm2.on_load(); }
  kernels::NormMeans mean_gradients() const { return {means.data(), means.data() + s.depthwise.C}; }
  const float* factors() const { return gated ? scale.data() : nullptr; }
  float* factor_gradients() { return gated ? scale_gradient.mutable_data() : nullptr; }
};

// A weight gradient with the sum over its segments, as mbconv_fused.cpp has it.
template <class Kernel>
void with_weight_gradient(const kernels::MBConvShape& s, bool joined, std::int64_t rows, bool transposed, float* out,
                          Kernel kernel) {
  const std::int64_t segments = s.segments(), M = s.depthwise.C;
  if (segments == 1 || joined) return kernel(kernels::WeightGradientTarget{nullptr, out});
  PartialSums partial(segments, rows, M, {});
  kernel(kernels::WeightGradientTarget{partial.data(), nullptr});
  kernels::norm_sums_kernels({}).weights(partial.data(), segments, rows, M, transposed, out);
}

// One block's cases. `tensors` lays them out when a case is prepared.
struct BlockCases {
  TrainingLists& lists;
  kernels::MBConvShape s;
  bool expands, gated;
  std::int64_t squeeze;

  std::int64_t rows() const { return s.depthwise.N * s.depthwise.H * s.depthwise.W; }
  std::int64_t out_rows() const { return s.depthwise.N * s.depthwise.P * s.depthwise.Q; }
  std::int64_t M() const { return s.depthwise.C; }
  std::int64_t taps() const { return s.depthwise.R * s.depthwise.S * M(); }
  std::int64_t scales() const { return gated ? s.depthwise.N * M() : 0; }
  double expanded() const { return static_cast<double>(rows() * M()); }
  double filtered() const { return static_cast<double>(out_rows() * M()); }
  std::string expand_text() const { return text_of_pointwise(s.depthwise.N, s.depthwise.H, s.depthwise.W, s.in, M()); }
  std::string depthwise_text() const { return text(text_of_depthwise(s.depthwise), expands ? "" : ", not expanded"); }
  std::string filtered_text() const { return text(s.depthwise.N, "x", s.depthwise.P, "x", s.depthwise.Q, " ", M()); }
  std::string project_text() const {
    return text(text_of_pointwise(s.depthwise.N, s.depthwise.P, s.depthwise.Q, M(), s.out), gated ? ", gate" : "");
  }
  // prepare for use(tensors)
  template <class Use>
  auto with_tensors(Use use) const {
    return [s = s, expands = expands, gated = gated, use] {
      return [t = std::make_shared<BlockTensors>(s, expands, gated), use] { use(*t); };
    };
  }

  void add_expand() const;
  void add_depthwise() const;
  void add_pool_and_gate() const;
  void add_project() const;
  void add_project_gradient() const;
  void add_gate_gradient() const;
  void add_activation_gradient() const;
  void add_depthwise_gradient() const;
  void add_expand_gradient() const;
};

void BlockCases::add_expand() const {
  KernelWork work{.multiply_adds = expanded() * static_cast<double>(s.in)};
  work.reads(rows() * s.in + s.in * M());
  work.writes(rows() * M());
  lists.forward("expand", expand_text(), work, with_tensors([](BlockTensors& t) {
                  const ConvShape& d = t.s.depthwise;
                  NormOfBatch statistics(t.norm1.norm, t.s.segments(), d.N * d.H * d.W, {});
                  kernels::fused_pointwise_kernels().expand(t.s, t.x.data(), t.w_expand.data(), t.z1.mutable_data(),
                                                            statistics.target());
                  statistics.result();
                }));
}

void BlockCases::add_depthwise() const {
  KernelWork work{.multiply_adds = static_cast<double>(out_rows() * taps()), .activations = expands ? expanded() : 0};
  work.reads(rows() * M() + taps());
  work.writes(out_rows() * M());
  lists.forward("depthwise forward", depthwise_text(), work, with_tensors([](BlockTensors& t) {
                  const ConvShape& d = t.s.depthwise;
                  NormOfBatch statistics(t.norm2.norm, t.s.segments(), d.N * d.P * d.Q, {});
                  kernels::fused_depthwise_kernels().forward(t.s, t.first(), t.z1.data(), t.w_depthwise.data(),
                                                             t.z2.mutable_data(), statistics.target());
                  statistics.result();
                }));
}

SqueezeExcitation drawn_gate(std::int64_t C, std::int64_t R) {
  SqueezeExcitation se;
  se.reduce_weight.value = drawn({C, R});
  se.reduce_bias.value = drawn({R});
  se.expand_weight.value = drawn({R, C});
  se.expand_bias.value = drawn({C});
  return se;
}

void BlockCases::add_pool_and_gate() const {
  const std::int64_t N = s.depthwise.N, C = M(), R = squeeze;
  KernelWork pool{.activations = filtered()};
  pool.reads(out_rows() * C);
  pool.writes(N * C);
  lists.forward("pool", filtered_text(), pool, with_tensors([](BlockTensors& t) {
                  kernels::fused_depthwise_kernels().pool(t.s, t.second(), t.z2.data(), t.scale.mutable_data());
                }));
  KernelWork gate{.multiply_adds = static_cast<double>(2 * N * C * R), .activations = static_cast<double>(N * (C + R))};
  gate.reads(2 * C * R + C + R + N * C);
  gate.writes(N * C + N * R);
  lists.forward("gate", text(N, " ", C, " to ", R), gate, [N, C, R] {
    return [z = drawn({N, C}), se = std::make_shared<SqueezeExcitation>(drawn_gate(C, R))] { gate_forward(*se, z); };
  });
}

void BlockCases::add_project() const {
  KernelWork work{.multiply_adds = filtered() * static_cast<double>(s.out), .activations = filtered()};
  work.reads(out_rows() * M() + scales() + M() * s.out);
  work.writes(out_rows() * s.out);
  lists.forward("project", project_text(), work, with_tensors([](BlockTensors& t) {
                  kernels::fused_pointwise_kernels().project(t.s, t.second(), t.z2.data(), t.factors(), t.w_project.data(),
                                                             t.z3.mutable_data());
                }));
}

void BlockCases::add_project_gradient() const {
  KernelWork work{.multiply_adds = 2 * filtered() * static_cast<double>(s.out), .activations = filtered()};
  work.reads(out_rows() * (M() + s.out) + scales() + M() * s.out);
  work.writes(out_rows() * M() + scales() + M() * s.out);
  lists.backward("project gradient", project_text(), work, with_tensors([](BlockTensors& t) {
                   with_weight_gradient(t.s, kernels::joins_segments(t.s, t.s.out), t.s.out, true, t.dw_project.mutable_data(),
                                        [&](const auto& target) {
                                          kernels::fused_pointwise_kernels().project_gradient(
                                              t.s, t.second(), t.z2.data(), t.factors(), t.w_project.data(), t.z3.data(),
                                              t.g2.mutable_data(), t.factor_gradients(), target);
                                        });
                 }));
}

void BlockCases::add_gate_gradient() const {
  const std::int64_t N = s.depthwise.N, C = M(), R = squeeze;
  KernelWork work{.multiply_adds = static_cast<double>(4 * N * C * R), .activations = static_cast<double>(2 * N * R)};
  work.reads(2 * C * R + 3 * N * C + N * R);
  work.writes(2 * C * R + C + R + N * C);
  lists.backward("gate gradient", text(N, " ", C, " to ", R), work, [N, C, R] {
    auto values = std::make_shared<GateValues>(gate_forward(drawn_gate(C, R), drawn({N, C})));
    return [values, ds = drawn({N, C})] { gate_backward(*values, ds); };
  });
}

void BlockCases::add_activation_gradient() const {
  KernelWork work{.activations = filtered()};
  work.reads(out_rows() * M() + 2 * scales());
  work.changes(out_rows() * M());
  lists.backward("activation gradient", text(filtered_text(), gated ? ", gate" : ""), work, with_tensors([](BlockTensors& t) {
                   const ConvShape& d = t.s.depthwise;
                   NormGradients norm(t.s.segments(), d.C, d.N * d.P * d.Q, {});
                   kernels::fused_depthwise_kernels().activation_gradient(
                       t.s, t.second(), t.z2.data(), t.factors(), t.factor_gradients(), t.g2.mutable_data(), norm.target());
                   norm.finish();
                 }));
}

void BlockCases::add_depthwise_gradient() const {
  KernelWork work{.multiply_adds = 2.0 * static_cast<double>(out_rows() * taps()), .activations = expands ? expanded() : 0};
  work.reads(rows() * M() + 2 * out_rows() * M() + taps());
  work.writes(rows() * M() + taps());
  lists.backward("depthwise gradient", depthwise_text(), work, with_tensors([](BlockTensors& t) {
                   const ConvShape& d = t.s.depthwise;
                   NormGradients norm(t.s.segments(), d.C, d.N * d.H * d.W, {});
                   with_weight_gradient(t.s, false, d.R * d.S, false, t.dw_depthwise.mutable_data(), [&](const auto& target) {
                     kernels::fused_depthwise_kernels().gradient(t.s, t.first(), t.second(), t.mean_gradients(), t.z1.data(),
                                                                 t.z2.data(), t.g2.data(), t.w_depthwise.data(),
                                                                 t.g1.mutable_data(), norm.target(), target);
                   });
                   if (t.expands) norm.finish();
                 }));
}

void BlockCases::add_expand_gradient() const {
  KernelWork work{.multiply_adds = 2 * expanded() * static_cast<double>(s.in)};
  work.reads(rows() * s.in + 2 * rows() * M() + s.in * M());
  work.writes(rows() * s.in + s.in * M());
  lists.backward("expand gradient", expand_text(), work, with_tensors([](BlockTensors& t) {
                   with_weight_gradient(t.s, kernels::joins_segments(t.s, t.s.in), t.s.in, false, t.dw_expand.mutable_data(),
                                        [&](const auto& target) {
                                          kernels::fused_pointwise_kernels().expand_gradient(
                                              t.s, t.first(), t.mean_gradients(), t.x.data(), t.z1.data(), t.w_expand.data(),
                                              t.scratch.mutable_data(), t.g1.mutable_data(), t.dx.mutable_data(), target);
                                        });
                 }));
}

// What the four kernels of a norm work on.
struct NormCaseTensors {
  kernels::FusedNormShape s;
  NormTensors norm;
  Tensor x, skip, dy, factors, means;
  std::shared_ptr<Tensor> y;
  std::int64_t image_rows;
  bool residual;

  NormCaseTensors(const Shape& shape, const std::optional<Activation>& activation, bool has_residual)
      : s{shape[0] * shape[1] * shape[2], shape[3], activation},
        norm(s.C),
        x(drawn({s.rows, s.C})),
        skip(drawn({s.rows, s.C})),
        dy(drawn({s.rows, s.C})),
        factors(Tensor::full({shape[0]}, 1.25f)),
        means(Tensor::full({2, s.C}, 0.0f)),
        y(std::make_shared<Tensor>(drawn({s.rows, s.C}))),
        image_rows(shape[1] * shape[2]),
        residual(has_residual) {}
  kernels::ResidualRows around(bool forward) const {
    if (!residual) return {};
    return {forward ? skip.data() : nullptr, factors.data(), image_rows};
  }
  kernels::NormMeans mean_gradients() const { return {means.data(), means.data() + s.C}; }
};

}  // namespace

std::vector<KernelCase> TrainingLists::joined() const {
  std::vector<KernelCase> all = forward_;
  for (auto op = backward_.rbegin(); op != backward_.rend(); ++op) {
    for (const KernelCase& c : *op) add_distinct(all, c);
  }
  return all;
}

void add_norm(TrainingLists& lists, const Shape& shape, const std::optional<Activation>& activation, bool residual) {
  const std::int64_t n = shape.elements();
  const std::string plain = text(shape[0], "x", shape[1], "x", shape[2], " ", shape[3]);
  const std::string with_activation = text(plain, activation ? text(", ", unary_name(*activation)) : "");
  const std::string around = text(with_activation, residual ? ", residual" : "");
  const double activations = activation ? static_cast<double>(n) : 0;
  const auto with_tensors = [=](auto use) {
    return [=] {
      return [=, t = std::make_shared<NormCaseTensors>(shape, activation, residual)] {
        use(*t, kernels::fused_norm_kernels(), t->norm.constants.view(), t->norm.norm.beta.value.data());
      };
    };
  };
  KernelWork sums, forward{.activations = activations}, backward_sums{.activations = activations};
  sums.reads(n);
  forward.reads(residual ? 2 * n : n);
  forward.writes(n);
  backward_sums.reads(2 * n);
  KernelWork backward = backward_sums;
  backward.writes(n);
  lists.forward("norm sums", plain, sums, with_tensors([](NormCaseTensors& t, const auto& k, const auto&, const float*) {
                  NormOfBatch statistics(t.norm.norm, t.s.segments(), t.s.rows, {});
                  k.sums(t.s, t.x.data(), statistics.target());
                  statistics.result();
                }));
  lists.forward("norm", around, forward,
                with_tensors([](NormCaseTensors& t, const auto& k, const auto& constants, const float* beta) {
                  k.forward(t.s, constants, beta, t.around(true), t.x.data(), t.y->mutable_data());
                }));
  lists.backward("norm gradient sums", around, backward_sums,
                 with_tensors([](NormCaseTensors& t, const auto& k, const auto& constants, const float* beta) {
                   NormGradients g(t.s.segments(), t.s.C, t.s.rows, {});
                   k.gradient_sums(t.s, constants, beta, t.around(false), t.x.data(), t.dy.data(), g.target());
                   g.finish();
                 }));
  lists.backward("norm gradient", around, backward,
                 with_tensors([](NormCaseTensors& t, const auto& k, const auto& constants, const float* beta) {
                   k.gradient(t.s, constants, beta, t.around(false), t.mean_gradients(), t.x.data(), t.dy.data(),
                              t.y->mutable_data());
                 }));
}

Shape add_block(TrainingLists& lists, const MBConv& block, const Shape& x) {
  if (!fits_fused_mbconv(block, x))
    throw InternalError(text("bench kernels: block ", block.index, " does not run fused for ", x.text()));
  const kernels::MBConvShape s = kernels::fused_mbconv_shape(block, x);
  const std::int64_t squeeze = block.se ? block.se->reduce_weight.value.shape()[1] : 0;
  const BlockCases cases{lists, s, block.expand.has_value(), block.se.has_value(), squeeze};
  lists.next();
  if (cases.expands) cases.add_expand();
  cases.add_depthwise();
  if (cases.gated) cases.add_pool_and_gate();
  cases.add_project();
  cases.add_project_gradient();
  if (cases.gated) cases.add_gate_gradient();
  cases.add_activation_gradient();
  cases.add_depthwise_gradient();
  if (cases.expands) cases.add_expand_gradient();
  const Shape out{s.depthwise.N, s.depthwise.P, s.depthwise.Q, s.out};
  lists.next();
  add_norm(lists, out, block.project.activation, block.residual);
  return out;
}

}  // namespace vitrine
