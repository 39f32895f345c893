// Shadows of the fused MBConv, backward: the steps B1 to B5 of layers/blocks/mbconv_fused.cpp. The op does not keep the gradients by expanded values:
// they are computed again in its float32 (layers/blocks/mbconv_again.h), once for all elements, and have shadows of their own.
#include "layers/blocks/mbconv_again.h"
#include "layers/seen_window.h"

namespace vitrine {
namespace {

// The order of the inputs of fused_mbconv.
enum Input : std::size_t {
  kX,
  kExpandWeight,
  kExpandGamma,
  kExpandBeta,
  kDepthwiseWeight,
  kDepthwiseGamma,
  kDepthwiseBeta,
  kProjectWeight,
  kReduceWeight,
  kReduceBias,
  kExciteWeight,
  kExciteBias
};

constexpr std::int64_t kBlockRows = 128;    // layers/blocks/slab_cpu.h
constexpr std::int64_t kChainPixels = 256;  // layers/blocks/mbconv_fused_depthwise_gradient_cpu.cpp
constexpr std::int64_t kByHand = std::int64_t{1} << 40;

// What B1 to B5 leave in float32 and what follows from each of them alone, row by row and channel by channel.
struct BlockGradients {
  SeenMBConv s;
  Values dz3;
  Lazy<OutputSide> outputs;
  Lazy<InputSide> inputs;
  ByChannel<ChannelSums> sums2, sums1;

  BlockGradients(const SeenMBConv& seen, const Values& dy)
      : s(seen),
        dz3(dy),
        outputs([seen, dy] { return output_side_again(seen, dy); }),
        inputs([seen, from = outputs] { return input_side_again(seen, from.get().dz2); }),
        sums2(channel_sums(
            seen.rows_out(), seen.norm2, [seen](std::int64_t r, std::int64_t m) { return seen.second(r, m); },
            [from = outputs](std::int64_t r, std::int64_t m) { return from.get().g2.exact(r, m); })),
        sums1(channel_sums(
            seen.rows_in(), seen.norm1, [seen](std::int64_t r, std::int64_t m) { return seen.first(r, m); },
            [from = inputs](std::int64_t r, std::int64_t m) { return from.get().g1.exact(r, m); })) {}

  Bounded dq(std::int64_t r, std::int64_t m) const {
    Dot dot;
    for (std::int64_t k = 0; k < s.out; ++k) dot.add(k, dz3[r * s.out + k], s.w_project[m * s.out + k]);
    return dot.result();
  }
  // By the gate: over the pixels of image n, in float64.
  Bounded ds(std::int64_t n, std::int64_t m) const {
    WideSum sum;
    for (std::int64_t r = n * s.pixels_out(); r < (n + 1) * s.pixels_out(); ++r)
      sum.add_product(outputs.get().dq.exact(r, m), s.activated(r, m));
    return rounded(sum.result());
  }
  Bounded g2(std::int64_t r, std::int64_t m) const {
    const OutputSide& side = outputs.get();
    Bounded g = side.dq.exact(r, m);
    if (s.gated) {
      const std::int64_t i = r / s.pixels_out() * s.M + m;
      const double share = static_cast<double>(side.gate.dz[static_cast<std::size_t>(i)]);
      g = plus(times(g, s.gate.gate.exact(i)), over(exactly(share), exactly(static_cast<double>(s.pixels_out()))));
    }
    return times(g, unary_slope_bound(s.f, s.normalised2(r, m)));
  }
  Bounded dz2(std::int64_t r, std::int64_t m) const {
    const ChannelSums& sums = sums2[m];
    return s.norm2.gradient(exactly(s.second(r, m)), m, outputs.get().g2.exact(r, m), mean_of(sums.g, s.rows_out()),
                            mean_of(sums.gh, s.rows_out()));
  }
  Bounded g1(std::int64_t r, std::int64_t m) const {
    Chain sum;
    for_outputs(s.z, Pixel(r, s.z.H, s.z.W), [&](std::int64_t tap, std::int64_t pixel) {
      sum.add_product(outputs.get().dz2.exact(pixel, m), s.w_depthwise.exact(tap * s.M + m));
    });
    return s.expands ? times(sum.result(), unary_slope_bound(s.f, s.normalised1(r, m))) : sum.result();
  }
  Bounded dz1(std::int64_t r, std::int64_t m) const {
    const ChannelSums& sums = sums1[m];
    return s.norm1.gradient(exactly(s.first(r, m)), m, inputs.get().g1.exact(r, m), mean_of(sums.g, s.rows_in()),
                            mean_of(sums.gh, s.rows_in()));
  }
};

using OfElement = Bounded (BlockGradients::*)(std::int64_t row, std::int64_t m) const;

// `side(gradients)` holds what was computed again.
template <class Side>
void add_inner(std::vector<Shadow>& all, std::string of, const BlockGradients& g, std::int64_t rows, std::int64_t terms,
               OfElement at, Side side) {
  all.push_back(again_shadow(
      std::move(of), rows * g.s.M, terms, [g, at](std::int64_t i) { return (g.*at)(i / g.s.M, i % g.s.M); },
      [g, side](std::int64_t i) { return side(g).exact(i / g.s.M, i % g.s.M).value; }));
}

void add_inner_gradients(std::vector<Shadow>& all, const BlockGradients& g) {
  const SeenMBConv& s = g.s;
  const std::int64_t taps = s.z.R * s.z.S;
  add_inner(
      all, "dq", g, s.rows_out(), s.out, &BlockGradients::dq,
      [](const BlockGradients& x) -> auto& { return x.outputs.get().dq; });
  if (s.gated) {
    all.push_back(again_shadow(
        "dgate", s.z.N * s.M, s.pixels_out(), [g](std::int64_t i) { return g.ds(i / g.s.M, i % g.s.M); },
        [g](std::int64_t i) { return static_cast<double>(g.outputs.get().gate.ds[static_cast<std::size_t>(i)]); }));
    all.push_back(again_shadow(
        "dz", s.z.N * s.M, s.gate.R, [g](std::int64_t i) { return g.s.gate.z_gradient(g.outputs.get().gate, i); },
        [g](std::int64_t i) { return static_cast<double>(g.outputs.get().gate.dz[static_cast<std::size_t>(i)]); }));
  }
  add_inner(
      all, "g2", g, s.rows_out(), 1, &BlockGradients::g2, [](const BlockGradients& x) -> auto& { return x.outputs.get().g2; });
  add_inner(
      all, "dz2", g, s.rows_out(), 1, &BlockGradients::dz2,
      [](const BlockGradients& x) -> auto& { return x.outputs.get().dz2; });
  if (!s.expands) return;
  add_inner(
      all, "g1", g, s.rows_in(), taps, &BlockGradients::g1, [](const BlockGradients& x) -> auto& { return x.inputs.get().g1; });
  add_inner(
      all, "dz1", g, s.rows_in(), 1, &BlockGradients::dz1, [](const BlockGradients& x) -> auto& { return x.inputs.get().dz1; });
}

// A weight gradient of a 1x1 convolution: float32 sums of 128 rows of a segment, added in float64. term(row): the two factors.
template <class Term>
Bounded sum_of_blocks(std::int64_t rows, std::int64_t rows_of_segment, Term term) {
  LongSum sum(kByHand);
  for (std::int64_t start = 0; start < rows; start += rows_of_segment) {
    const std::int64_t end = std::min(rows, start + rows_of_segment);
    for (std::int64_t r = start; r < end; ++r) {
      const auto [a, b] = term(r);
      sum.add_product(0, a, b);
      if ((r - start + 1) % kBlockRows == 0) sum.close();
    }
    sum.close();
  }
  return sum.result();
}

// Of a tap of the depthwise convolution: pixels ascending; a float32 sum ends after the group of rows with which it has at least 256 pixels, those
// whose tap lies in the padding included, and at a segment's end.
Bounded tap_gradient(const SeenMBConv& s, const Expanded& dz2, std::int64_t tap, std::int64_t m) {
  const ConvShape& z = s.z;
  const std::int64_t r = tap / z.S, column = tap % z.S, group = 1 + std::min(kChainPixels / z.Q, z.P - 1);
  LongSum sum(kByHand);
  std::int64_t chain = 0;
  for (std::int64_t n = 0; n < z.N; ++n) {
    for (std::int64_t p = 0; p < z.P; ++p) {
      const std::int64_t h = p * z.stride + r - z.padding.top;
      for (std::int64_t q = 0; q < z.Q; ++q) {
        const std::int64_t v = q * z.stride + column - z.padding.left;
        if (h >= 0 && h < z.H && v >= 0 && v < z.W)
          sum.add_product(0, s.depthwise_input((n * z.H + h) * z.W + v, m), dz2.exact((n * z.P + p) * z.Q + q, m));
      }
      chain += z.Q;
      const bool looks = (p + 1) % group == 0 || p + 1 == z.P;
      const bool segment_ends = p + 1 == z.P && (n + 1) % s.images == 0;
      if (segment_ends || (looks && chain >= kChainPixels)) {
        sum.close();
        chain = 0;
      }
    }
  }
  return sum.result();
}

void add_projection(std::vector<Shadow>& all, const SeenMBConv& s, const Values& dy, std::span<const Tensor> gradients) {
  if (!gradients[kProjectWeight].defined()) return;
  all.push_back(shadow_of("dw_project", gradients[kProjectWeight], s.rows_out(), [s, dy](std::int64_t i) {
    return sum_of_blocks(s.rows_out(), s.images * s.pixels_out(),
                         [&](std::int64_t r) { return std::pair(s.projected(r, i / s.out), dy.exact(r * s.out + i % s.out)); });
  }));
}

void add_depthwise(std::vector<Shadow>& all, const BlockGradients& g, std::span<const Tensor> gradients) {
  add_norm_gradients(all, "2", gradients[kDepthwiseGamma], gradients[kDepthwiseBeta], g.s.rows_out(), g.sums2);
  if (!gradients[kDepthwiseWeight].defined()) return;
  all.push_back(shadow_of("dw_depthwise", gradients[kDepthwiseWeight], g.s.rows_out(),
                          [g](std::int64_t i) { return tap_gradient(g.s, g.outputs.get().dz2, i / g.s.M, i % g.s.M); }));
}

void add_expansion(std::vector<Shadow>& all, const BlockGradients& g, std::span<const Tensor> gradients) {
  add_norm_gradients(all, "1", gradients[kExpandGamma], gradients[kExpandBeta], g.s.rows_in(), g.sums1);
  if (!gradients[kExpandWeight].defined()) return;
  all.push_back(shadow_of("dw_expand", gradients[kExpandWeight], g.s.rows_in(), [g](std::int64_t i) {
    const SeenMBConv& s = g.s;
    return sum_of_blocks(s.rows_in(), s.images * s.z.H * s.z.W, [&](std::int64_t r) {
      return std::pair(s.x.exact(r * s.in + i / s.M), g.inputs.get().dz1.exact(r, i % s.M));
    });
  }));
}

Shadow input_gradient(const BlockGradients& g, const Tensor& dx) {
  return shadow_of("dx", dx, g.s.expands ? g.s.M : g.s.z.R * g.s.z.S, [g](std::int64_t i) {
    const SeenMBConv& s = g.s;
    if (!s.expands) return g.g1(i / s.M, i % s.M);
    Dot dot;
    for (std::int64_t m = 0; m < s.M; ++m)
      dot.add(m, g.inputs.get().dz1.exact(i / s.in, m), s.w_expand.exact(i % s.in * s.M + m));
    return dot.result();
  });
}

}  // namespace

std::vector<Shadow> mbconv_backward_shadows(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const BlockGradients g(SeenMBConv{op}, Values{dy});
  std::vector<Shadow> all;
  add_projection(all, g.s, g.dz3, gradients);
  add_inner_gradients(all, g);
  if (g.s.gated) {
    const Lazy<SeenGate::Again> gate([outputs = g.outputs] { return outputs.get().gate; });
    g.s.gate.add_gradients(all, gate, gradients[kReduceWeight], gradients[kReduceBias], gradients[kExciteWeight],
                           gradients[kExciteBias]);
  }
  add_depthwise(all, g, gradients);
  if (g.s.expands) add_expansion(all, g, gradients);
  if (gradients[kX].defined()) all.push_back(input_gradient(g, gradients[kX]));
  return all;
}

}  // namespace vitrine
