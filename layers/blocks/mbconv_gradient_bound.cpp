// Shadows of the fused MBConv, backward: the steps B1 to B5 of layers/blocks/mbconv_fused.cpp. The gradients by the expanded values are not kept by
// the op. They are computed again in float64 from what it saved and from dy, once for all elements, and their bounds carried on.
#include "layers/blocks/mbconv_bound.h"
#include "layers/seen_window.h"
#include "tensor/parallel.h"

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

// Of expanded values [M][rows].
struct Expanded {
  std::int64_t rows = 0;
  std::vector<Bounded> values;

  Expanded() = default;
  Expanded(std::int64_t M, std::int64_t r) : rows(r), values(static_cast<std::size_t>(M * r)) {}
  Bounded& at(std::int64_t row, std::int64_t m) { return values[static_cast<std::size_t>(m * rows + row)]; }
  const Bounded& at(std::int64_t row, std::int64_t m) const { return values[static_cast<std::size_t>(m * rows + row)]; }
};

// At the depthwise convolution's output: dz2, the gate, and the sums of g2 that its norm takes.
struct OutputSide {
  Expanded dz2;
  SeenGate::Inner gate;
  std::vector<ChannelSums> sums;
};
// At its input: dz1, or dx without an expansion, and the sums of g1.
struct InputSide {
  Expanded dz1;
  std::vector<ChannelSums> sums;
};

template <class Body>
void for_channels(std::int64_t M, Body body) {
  parallel_for(M, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t m = first; m < last; ++m) body(m);
  });
}

// B1: dq = dz3 Wp'.
Expanded projection_gradient(const SeenMBConv& s, const Values& dy) {
  Expanded dq(s.M, s.rows_out());
  for_channels(s.M, [&](std::int64_t m) {
    for (std::int64_t r = 0; r < s.rows_out(); ++r) {
      Dot dot;
      for (std::int64_t k = 0; k < s.out; ++k) dot.add(k, dy[r * s.out + k], s.w_project[m * s.out + k]);
      dq.at(r, m) = dot.result();
    }
  });
  return dq;
}

// By the gate [N, M]: sums over pixels of dq act(BN2(z2)), in float64.
std::vector<Bounded> gate_gradient(const SeenMBConv& s, const Expanded& dq) {
  std::vector<Bounded> ds(static_cast<std::size_t>(s.z.N * s.M));
  for_channels(s.M, [&](std::int64_t m) {
    for (std::int64_t n = 0; n < s.z.N; ++n) {
      WideSum sum;
      for (std::int64_t r = n * s.pixels_out(); r < (n + 1) * s.pixels_out(); ++r)
        sum.add_product(dq.at(r, m), s.activated(r, m));
      ds[static_cast<std::size_t>(n * s.M + m)] = rounded(sum.result());
    }
  });
  return ds;
}

// B1 to B3, and the norm of B4.
OutputSide output_side(const SeenMBConv& s, const Values& dy) {
  OutputSide side;
  side.dz2 = projection_gradient(s, dy);
  std::vector<Bounded> share(static_cast<std::size_t>(s.gated ? s.z.N * s.M : 0));
  if (s.gated) {
    side.gate = s.gate.inner(gate_gradient(s, side.dz2));
    for (std::size_t i = 0; i < share.size(); ++i)
      share[i] = over(s.gate.z_gradient(side.gate, static_cast<std::int64_t>(i)), exactly(static_cast<double>(s.pixels_out())));
  }
  for_channels(s.M, [&](std::int64_t m) {
    for (std::int64_t r = 0; r < s.rows_out(); ++r) {
      Bounded& g = side.dz2.at(r, m);
      const std::int64_t i = r / s.pixels_out() * s.M + m;
      if (s.gated) g = plus(times(g, s.gate.gate.exact(i)), share[static_cast<std::size_t>(i)]);
      g = times(g, unary_slope_bound(s.f, s.normalised2(r, m)));
    }
  });
  side.sums = channel_sums(
      s.rows_out(), s.norm2, [&](std::int64_t r, std::int64_t m) { return s.second(r, m); },
      [&](std::int64_t r, std::int64_t m) { return side.dz2.at(r, m); });
  for_channels(s.M, [&](std::int64_t m) {
    const ChannelSums& sums = side.sums[static_cast<std::size_t>(m)];
    const Bounded mean_g = mean_of(sums.g, s.rows_out()), mean_gh = mean_of(sums.gh, s.rows_out());
    for (std::int64_t r = 0; r < s.rows_out(); ++r)
      side.dz2.at(r, m) = s.norm2.gradient(exactly(s.second(r, m)), m, side.dz2.at(r, m), mean_g, mean_gh);
  });
  return side;
}

// B4 and the norm of B5.
InputSide input_side(const SeenMBConv& s, const Expanded& dz2) {
  InputSide side;
  side.dz1 = Expanded(s.M, s.rows_in());
  for_channels(s.M, [&](std::int64_t m) {
    for (std::int64_t r = 0; r < s.rows_in(); ++r) {
      Chain sum;
      for_outputs(s.z, Pixel(r, s.z.H, s.z.W), [&](std::int64_t tap, std::int64_t pixel) {
        sum.add_product(dz2.at(pixel, m), s.w_depthwise.exact(tap * s.M + m));
      });
      side.dz1.at(r, m) = s.expands ? times(sum.result(), unary_slope_bound(s.f, s.normalised1(r, m))) : sum.result();
    }
  });
  if (!s.expands) return side;
  side.sums = channel_sums(
      s.rows_in(), s.norm1, [&](std::int64_t r, std::int64_t m) { return s.first(r, m); },
      [&](std::int64_t r, std::int64_t m) { return side.dz1.at(r, m); });
  for_channels(s.M, [&](std::int64_t m) {
    const ChannelSums& sums = side.sums[static_cast<std::size_t>(m)];
    const Bounded mean_g = mean_of(sums.g, s.rows_in()), mean_gh = mean_of(sums.gh, s.rows_in());
    for (std::int64_t r = 0; r < s.rows_in(); ++r)
      side.dz1.at(r, m) = s.norm1.gradient(exactly(s.first(r, m)), m, side.dz1.at(r, m), mean_g, mean_gh);
  });
  return side;
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
          sum.add_product(0, s.depthwise_input((n * z.H + h) * z.W + v, m), dz2.at((n * z.P + p) * z.Q + q, m));
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

void add_depthwise(std::vector<Shadow>& all, const SeenMBConv& s, const Lazy<OutputSide>& outputs,
                   std::span<const Tensor> gradients) {
  const Lazy<std::vector<ChannelSums>> sums([outputs] { return outputs.get().sums; });
  add_norm_gradients(all, "2", gradients[kDepthwiseGamma], gradients[kDepthwiseBeta], s.rows_out(), sums);
  if (!gradients[kDepthwiseWeight].defined()) return;
  all.push_back(shadow_of("dw_depthwise", gradients[kDepthwiseWeight], s.rows_out(),
                          [s, outputs](std::int64_t i) { return tap_gradient(s, outputs.get().dz2, i / s.M, i % s.M); }));
}

void add_expansion(std::vector<Shadow>& all, const SeenMBConv& s, const Lazy<InputSide>& inputs,
                   std::span<const Tensor> gradients) {
  const Lazy<std::vector<ChannelSums>> sums([inputs] { return inputs.get().sums; });
  add_norm_gradients(all, "1", gradients[kExpandGamma], gradients[kExpandBeta], s.rows_in(), sums);
  if (gradients[kExpandWeight].defined()) {
    all.push_back(shadow_of("dw_expand", gradients[kExpandWeight], s.rows_in(), [s, inputs](std::int64_t i) {
      return sum_of_blocks(s.rows_in(), s.images * s.z.H * s.z.W, [&](std::int64_t r) {
        return std::pair(s.x.exact(r * s.in + i / s.M), inputs.get().dz1.at(r, i % s.M));
      });
    }));
  }
}

Shadow input_gradient(const SeenMBConv& s, const Tensor& dx, const Lazy<InputSide>& inputs) {
  return shadow_of("dx", dx, s.expands ? s.M : s.z.R * s.z.S, [s, inputs](std::int64_t i) {
    if (!s.expands) return inputs.get().dz1.at(i / s.M, i % s.M);
    Dot dot;
    for (std::int64_t m = 0; m < s.M; ++m) dot.add(m, inputs.get().dz1.at(i / s.in, m), s.w_expand.exact(i % s.in * s.M + m));
    return dot.result();
  });
}

}  // namespace

std::vector<Shadow> mbconv_backward_shadows(const SeenOp& op, const Tensor& dy, std::span<const Tensor> gradients) {
  const SeenMBConv seen(op);
  const Lazy<OutputSide> outputs([seen, g = Values(dy)] { return output_side(seen, g); });
  const Lazy<InputSide> inputs([seen, outputs] { return input_side(seen, outputs.get().dz2); });
  std::vector<Shadow> all;
  if (gradients[kX].defined()) all.push_back(input_gradient(seen, gradients[kX], inputs));
  if (seen.expands) add_expansion(all, seen, inputs, gradients);
  add_depthwise(all, seen, outputs, gradients);
  add_projection(all, seen, Values(dy), gradients);
  if (seen.gated) {
    const Lazy<SeenGate::Inner> gate([outputs] { return outputs.get().gate; });
    seen.gate.add_gradients(all, gate, gradients[kReduceWeight], gradients[kReduceBias], gradients[kExciteWeight],
                            gradients[kExciteBias]);
  }
  return all;
}

}  // namespace vitrine
