// Shadows of the fused MBConv, forward: layers/blocks/mbconv_fused.h, Numerics.
#include "layers/blocks/mbconv_bound.h"
#include "layers/blocks/planes.h"
#include "layers/product_bound.h"
#include "layers/seen_window.h"
#include "layers/shadow_list.h"

namespace vitrine {
namespace {

double in_planes(const Values& values, std::int64_t rows, std::int64_t row, std::int64_t m) {
  using kernels::kPlane;
  return values[(m / kPlane * kernels::plane_rows(rows) + row) * kPlane + m % kPlane];
}

using OfElement = Bounded (*)(const SeenMBConv& seen, std::int64_t row, std::int64_t m);

// An inner value of every row and expanded channel, `read` from its planes.
Shadow plane_shadow(std::string of, const Tensor& computed, const SeenMBConv& seen, std::int64_t rows, std::int64_t terms,
                    OfElement at, double (SeenMBConv::*read)(std::int64_t, std::int64_t) const) {
  Shadow shadow =
      shadow_of(std::move(of), computed, terms, [seen, at](std::int64_t i) { return at(seen, i / seen.M, i % seen.M); });
  shadow.elements = rows * seen.M;
  shadow.seen = [seen, read](std::int64_t i) { return (seen.*read)(i / seen.M, i % seen.M); };
  shadow.inner = true;
  return shadow;
}

Bounded expanded(const SeenMBConv& s, std::int64_t row, std::int64_t m) {
  Dot dot;
  for (std::int64_t c = 0; c < s.in; ++c) dot.add(c, s.x[row * s.in + c], s.w_expand[c * s.M + m]);
  return dot.result();
}

Bounded filtered(const SeenMBConv& s, std::int64_t row, std::int64_t m) {
  Chain sum;
  for_taps(s.z, Pixel(row, s.z.P, s.z.Q), [&](std::int64_t tap, std::int64_t pixel) {
    sum.add_product(s.depthwise_input(pixel, m), s.w_depthwise.exact(tap * s.M + m));
  });
  return sum.result();
}

Bounded pooled(const SeenMBConv& s, std::int64_t i) {
  const std::int64_t n = i / s.M, pixels = s.pixels_out();
  WideSum sum;
  for (std::int64_t p = 0; p < pixels; ++p) sum.add(s.activated(n * pixels + p, i % s.M));
  return rounded(sum.result(static_cast<double>(pixels)));
}

Bounded projection(const SeenMBConv& s, std::int64_t i) {
  Dot dot;
  for (std::int64_t m = 0; m < s.M; ++m) dot.add(m, s.projected(i / s.out, m), s.w_project.exact(m * s.out + i % s.out));
  return dot.result();
}

void add_expansion(std::vector<Shadow>& all, const SeenOp& op, const SeenMBConv& seen) {
  all.push_back(plane_shadow("z1", op.tensor("z1"), seen, seen.rows_in(), seen.in, expanded, &SeenMBConv::first));
  const Lazy<SignedColumns> columns([seen] { return signed_columns(seen.w_expand, seen.in, seen.M); });
  const auto term = [x = seen.x, in = seen.in](std::int64_t row, const auto& use) {
    for (std::int64_t c = 0; c < in; ++c) use(c, x.exact(row * in + c));
  };
  all.push_back(checksum_of("z1 checksum", op.tensor("z1"), seen.rows_in(), seen.M, seen.in, columns, Values(), term,
                            [seen](std::int64_t row, std::int64_t m) { return seen.first(row, m); }));
  all.back().inner = true;
  if (!op.inputs[2].defined()) return;
  const auto moments = channel_moments(seen.rows_in(), seen.M, {seen.images * seen.z.H * seen.z.W},
                                       [seen](std::int64_t r, std::int64_t m) { return seen.first(r, m); });
  all.push_back(
      norm_constants_shadow("norm1", op.tensor("norm1"), Values(op.inputs[2]), op.number("eps1"), seen.rows_in(), moments));
}

void add_depthwise(std::vector<Shadow>& all, const SeenOp& op, const SeenMBConv& seen) {
  all.push_back(plane_shadow("z2", op.tensor("z2"), seen, seen.rows_out(), seen.z.R * seen.z.S, filtered, &SeenMBConv::second));
  if (!op.inputs[5].defined()) return;
  const auto moments = channel_moments(seen.rows_out(), seen.M, {seen.images * seen.pixels_out()},
                                       [seen](std::int64_t r, std::int64_t m) { return seen.second(r, m); });
  all.push_back(
      norm_constants_shadow("norm2", op.tensor("norm2"), Values(op.inputs[5]), op.number("eps2"), seen.rows_out(), moments));
}

std::vector<Shadow> forward(const SeenOp& op) {
  const SeenMBConv seen(op);
  std::vector<Shadow> all;
  if (seen.expands) add_expansion(all, op, seen);
  add_depthwise(all, op, seen);
  if (seen.gated) {
    all.push_back(shadow_of("z", op.tensor("z"), seen.pixels_out(), [seen](std::int64_t i) { return pooled(seen, i); }));
    all.back().inner = true;
    all.push_back(seen.gate.hidden_shadow());
    all.push_back(seen.gate.gate_shadow("gate", true));
  }
  all.push_back(shadow_of("y", op.output, seen.M, [seen](std::int64_t i) { return projection(seen, i); }));
  const Lazy<SignedColumns> columns([seen] { return signed_columns(seen.w_project, seen.M, seen.out); });
  const auto term = [seen](std::int64_t row, const auto& use) {
    for (std::int64_t m = 0; m < seen.M; ++m) use(m, seen.projected(row, m));
  };
  all.push_back(
      checksum_of("y checksum", op.output, seen.rows_out(), seen.out, seen.M, columns, Values(), term,
                  [y = Values(op.output), K = seen.out](std::int64_t row, std::int64_t k) { return y[row * K + k]; }));
  return all;
}

}  // namespace

SeenMBConv::SeenMBConv(const SeenOp& op)
    : z(seen_window(op, op.tensor("x").shape(), op.output.shape(), op.tensor("w_depthwise").shape()[0],
                    op.tensor("w_depthwise").shape()[1])),
      in(op.tensor("x").shape()[3]),
      out(op.output.shape()[3]),
      M(op.tensor("w_depthwise").shape()[2]),
      images(static_cast<std::int64_t>(op.number("images"))),
      f(static_cast<Activation>(static_cast<int>(op.number("activation")))),
      expands(op.has("z1")),
      gated(op.has("gate")),
      x(op.tensor("x")),
      z2(op.tensor("z2")),
      w_depthwise(op.tensor("w_depthwise")),
      w_project(op.tensor("w_project")),
      beta2(op.tensor("beta2")),
      norm2(op.tensor("norm2")) {
  z.C = z.K = M;
  if (expands) {
    z1 = Values(op.tensor("z1"));
    w_expand = Values(op.tensor("w_expand"));
    beta1 = Values(op.tensor("beta1"));
    norm1 = SeenNorm(op.tensor("norm1"));
  }
  if (gated) gate = SeenGate(op);
}

double SeenMBConv::first(std::int64_t row, std::int64_t m) const { return in_planes(z1, rows_in(), row, m); }
double SeenMBConv::second(std::int64_t row, std::int64_t m) const { return in_planes(z2, rows_out(), row, m); }

const OpShadows fused_mbconv_shadows = {"fused_mbconv", forward, mbconv_backward_shadows};

}  // namespace vitrine
