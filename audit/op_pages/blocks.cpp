// Ops that are whole blocks: the gate of squeeze-excitation, and an MBConv up to its projection. Their definitions are the references of the ops
// that they are made of, one after the other.
#include <algorithm>
#include <memory>

#include "audit/op_pages/families.h"
#include "audit/op_pages/norms.h"
#include "audit/op_pages/products.h"
#include "base/error.h"
#include "layers/batch_norm_reference.h"
#include "layers/blocks/mbconv_fused.h"
#include "layers/blocks/squeeze_excitation_fused.h"
#include "layers/depthwise_conv2d_reference.h"
#include "layers/global_average_pool_reference.h"
#include "layers/linear_reference.h"
#include "layers/scale_channels_reference.h"
#include "layers/sigmoid_reference.h"
#include "layers/swish_reference.h"

namespace vitrine::op_pages {
namespace {

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

Doubles swish_of(const Doubles& x) {
  Doubles y(x.size());
  reference::swish_forward<double>(x, y);
  return y;
}

Doubles swish_gradient(const Doubles& x, const Doubles& dy) {
  Doubles dx(x.size());
  reference::swish_backward<double>(x, dy, dx);
  return dx;
}

struct GateSizes {
  std::int64_t N, C, R;
};

// a, h, b and s of the gate, and the way back.
struct GateSteps {
  Doubles a, h, b, s;

  GateSteps(const GateSizes& z, const Doubles& in, const Doubles& wr, const Doubles& br, const Doubles& we, const Doubles& be)
      : a(size(z.N * z.R)), b(size(z.N * z.C)), s(size(z.N * z.C)) {
    reference::linear_forward<double>(z.N, z.C, z.R, in, wr, br, a);
    h = swish_of(a);
    reference::linear_forward<double>(z.N, z.R, z.C, h, we, be, b);
    reference::sigmoid_forward<double>(b, s);
  }
};
struct GateBack {
  Doubles db, dh, da, dz, dwr, dbr, dwe, dbe;

  GateBack(const GateSizes& z, const GateSteps& f, const Doubles& in, const Doubles& wr, const Doubles& we, const Doubles& ds)
      : db(ds.size()), dh(f.h.size()), dz(in.size()), dwr(wr.size()), dbr(size(z.R)), dwe(we.size()), dbe(size(z.C)) {
    reference::sigmoid_backward<double>(f.b, ds, db);
    reference::linear_backward<double>(z.N, z.R, z.C, f.h, we, db, dh, dwe, dbe);
    da = swish_gradient(f.a, dh);
    reference::linear_backward<double>(z.N, z.C, z.R, in, wr, da, dz, dwr, dbr);
  }
};

NumberTable vector_table(const std::string& caption, const std::vector<std::string>& columns,
                         const std::vector<const Doubles*>& values) {
  NumberTable t{caption, columns, {}};
  for (std::size_t i = 0; i < values.front()->size(); ++i) {
    std::vector<std::string> row{text(i)};
    for (const Doubles* v : values) row.push_back(number((*v)[i]));
    t.rows.push_back(std::move(row));
  }
  return t;
}

}  // namespace

Example fused_gate_example(Scale scale) {
  const bool small = scale == Scale::worked;
  const GateSizes z = small ? GateSizes{1, 3, 2} : GateSizes{16, 480, 20};
  Example e;
  e.inputs = {{"z", small ? tensor({1, 3}, {0.5f, -1, 2}) : drawn({z.N, z.C}, 1)},
              {"Wr", small ? tensor({3, 2}, {0.4f, -0.3f, 0.2f, 0.5f, -0.1f, 0.6f}) : drawn({z.C, z.R}, 2, 0.05)},
              {"br", small ? tensor({2}, {0.1f, -0.1f}) : drawn({z.R}, 3, 0.1)},
              {"We", small ? tensor({2, 3}, {1, -0.5f, 0.25f, 0.75f, 0.3f, -1}) : drawn({z.R, z.C}, 4, 0.2)},
              {"be", small ? tensor({3}, {0, 0.2f, -0.2f}) : drawn({z.C}, 5, 0.1)}};
  e.output = "s";
  e.dy = small ? tensor({1, 3}, {1, -2, 0.5f}) : drawn({z.N, z.C}, 6);
  const auto gate = std::make_shared<SqueezeExcitation>();
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    *gate = {{v[1]}, {v[2]}, {v[3]}, {v[4]}};
    return fused_gate(*gate, tape.input(v[0]), Pass::train(tape));
  };
  e.forward = [=](const std::vector<Doubles>& v) { return GateSteps(z, v[0], v[1], v[2], v[3], v[4]).s; };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& ds) {
    const GateBack b(z, GateSteps(z, v[0], v[1], v[2], v[3], v[4]), v[0], v[1], v[3], ds);
    return std::vector<Doubles>{b.dz, b.dwr, b.dbr, b.dwe, b.dbe};
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& ds) {
    const GateSteps f(z, v[0], v[1], v[2], v[3], v[4]);
    const GateBack b(z, f, v[0], v[1], v[3], ds);
    std::vector<Term> first;
    for (std::int64_t c = 0; c < z.C; ++c) first.push_back({text(c), v[0][size(c)], v[1][size(c * z.R)], false});
    Working w;
    w.forward = {product_table("a[0]", "c", "z", "Wr", first, "br[0]", v[2][0]),
                 vector_table("Hidden values", {"r", "a", "h = swish(a)"}, {&f.a, &f.h}),
                 vector_table("The gate", {"c", "b = h We + be", "s = sigmoid(b)"}, {&f.b, &f.s})};
    w.backward = {vector_table("Behind the gate", {"c", "ds", "s", "db = ds s (1 - s)"}, {&ds, &f.s, &b.db}),
                  vector_table("Behind the hidden values", {"r", "dh = db We'", "da = dh swish'(a)"}, {&b.dh, &b.da}),
                  vector_table("By the input", {"c", "dz = da Wr'"}, {&b.dz})};
    return w;
  };
  return e;
}

namespace {

constexpr double kEps = 1e-3;

// The block that the example is: no expansion, 3 x 3 at stride 1, a gate, a projection. The first block of EfficientNet-b0 is of this kind.
struct BlockSizes {
  ConvShape d;  // the depthwise convolution
  GateSizes gate;
  std::int64_t K;
  std::int64_t rows() const { return d.N * d.P * d.Q; }
  ConvShape projection() const { return reference::linear_shape(rows(), d.C, K); }
};

// z2, u = BN2(z2), a = act(u), pooled, the gate, q = s a, z3; inputs as they are recorded, without the three of an expansion.
struct BlockSteps {
  Doubles z2, activated, pooled, gated, z3;
  NormSteps norm;
  GateSteps gate;

  static Doubles depthwise(const BlockSizes& z, const std::vector<Doubles>& v) {
    Doubles out(size(z.rows() * z.d.C));
    reference::depthwise_conv2d_forward<double>(z.d, v[0], v[4], out);
    return out;
  }
  static Doubles pool(const BlockSizes& z, const Doubles& a) {
    Doubles out(size(z.d.N * z.d.C));
    reference::global_average_pool_forward<double>(z.d.N, z.d.P * z.d.Q, z.d.C, a, out);
    return out;
  }
  BlockSteps(const BlockSizes& z, const std::vector<Doubles>& v)
      : z2(depthwise(z, v)),
        gated(z2.size()),
        z3(size(z.rows() * z.K)),
        norm(norm_steps(z.rows(), z.d.C, z2, v[5], v[6], kEps)),
        gate(z.gate, pool(z, swish_of(norm.y)), v[8], v[9], v[10], v[11]) {
    activated = swish_of(norm.y);
    pooled = pool(z, activated);
    reference::scale_channels_forward<double>(z.d.N, z.d.P * z.d.Q, z.d.C, activated, gate.s, gated);
    reference::conv2d_forward<double>(z.projection(), gated, v[7], {}, z3);
  }
};

struct BlockBack {
  Doubles dq, da, ds, dpooled, g, dz2;
  std::vector<Doubles> by_input = std::vector<Doubles>(12);

  BlockBack(const BlockSizes& z, const BlockSteps& f, const std::vector<Doubles>& v, const Doubles& dz3)
      : dq(f.gated.size()), da(f.gated.size()), ds(f.gate.s.size()), dz2(f.z2.size()) {
    for (const std::size_t i : {0u, 4u, 5u, 6u, 7u}) by_input[i].resize(v[i].size());
    const std::int64_t pixels = z.d.P * z.d.Q;
    reference::conv2d_backward_data<double>(z.projection(), dz3, v[7], dq);
    reference::conv2d_backward_weights<double>(z.projection(), f.gated, dz3, by_input[7]);
    reference::scale_channels_backward<double>(z.d.N, pixels, z.d.C, f.activated, f.gate.s, dq, da, ds);
    const GateBack gate(z.gate, f.gate, f.pooled, v[8], v[10], ds);
    by_input[8] = gate.dwr, by_input[9] = gate.dbr, by_input[10] = gate.dwe, by_input[11] = gate.dbe;
    dpooled = gate.dz;
    Doubles spread(da.size());
    reference::global_average_pool_backward<double>(z.d.N, pixels, z.d.C, dpooled, spread);
    for (std::size_t i = 0; i < da.size(); ++i) da[i] += spread[i];
    g = swish_gradient(f.norm.y, da);
    reference::batch_norm_backward<double>(z.rows(), z.d.C, f.z2, v[5],
                                           reference::batch_norm_moments<double>(z.rows(), z.d.C, f.z2), kEps, true, g, dz2,
                                           by_input[5], by_input[6]);
    reference::depthwise_conv2d_backward_data<double>(z.d, dz2, v[4], by_input[0]);
    reference::depthwise_conv2d_backward_weights<double>(z.d, v[0], dz2, by_input[4]);
  }
};

Working block_working(const BlockSizes& z, const std::vector<Doubles>& v, const Doubles& dz3) {
  const BlockSteps f(z, v);
  const BlockBack b(z, f, v, dz3);
  const std::string order = "pixel and channel";
  Working w;
  w.forward = {vector_table("The depthwise convolution, its norm and activation", {order, "z2", "h", "u = BN2(z2)", "act(u)"},
                            {&f.z2, &f.norm.h, &f.norm.y, &f.activated}),
               moments_table("BN2, over pixels", f.norm),
               vector_table("Mean over pixels", {"channel", "pooled"}, {&f.pooled}),
               vector_table("The gate's hidden values", {"r", "a", "h = swish(a)"}, {&f.gate.a, &f.gate.h}),
               vector_table("The gate", {"channel", "before sigmoid", "s"}, {&f.gate.b, &f.gate.s}),
               vector_table("Gated values", {order, "s act(u)"}, {&f.gated}),
               vector_table("The projection", {"pixel", "z3"}, {&f.z3})};
  w.backward = {vector_table("Behind the projection and the gate",
                             {order, "dq = dz3 Wp'", "by act(u)", "g = it act'(u)", "dz2"}, {&b.dq, &b.da, &b.g, &b.dz2}),
                vector_table("By the gate", {"channel", "ds = sum dq act(u)", "by pooled"}, {&b.ds, &b.dpooled}),
                vector_table("By the input", {order, "dx"}, {&b.by_input[0]})};
  return w;
}

ConvNorm unit_of(const Tensor& weight, const Tensor& gamma, const Tensor& beta, bool depthwise) {
  ConvNorm unit;
  unit.weight.value = weight;
  unit.norm = BatchNorm::identity(gamma.size(), kEps, 0.1);
  unit.norm.gamma.value = gamma, unit.norm.beta.value = beta;
  unit.norm.running_mean = unit.norm.running_mean.to(gamma.device()),
  unit.norm.running_var = unit.norm.running_var.to(gamma.device());
  unit.depthwise = depthwise;
  return unit;
}

}  // namespace

Example fused_mbconv_example(Scale scale) {
  const bool small = scale == Scale::worked;
  const std::int64_t side = small ? 2 : 28, C = small ? 2 : 32, K = small ? 1 : 16, R = small ? 1 : 8;
  const BlockSizes z{{1, side, side, C, 3, 3, C, side, side, 1, symmetric_padding(3)}, {1, C, R}, K};
  Example e;
  e.inputs = {{"x", small ? tensor({1, 2, 2, 2}, {0.5f, -1, 1, 2, -0.5f, 0.25f, 1.5f, 0.75f}) : drawn({1, side, side, C}, 1)},
              {"We", {}, false},
              {"gamma1", {}, false},
              {"beta1", {}, false},
              {"Wd", small ? tensor({3, 3, 2}, {0.5f, -0.25f, 1, 0.3f, -1, 0.75f, 0.2f, -0.6f, 0.1f, 0.4f, -0.5f, 1.5f, 0.8f,
                                                -0.1f, 0.6f, -0.9f, 0.3f, 0.2f})
                           : drawn({3, 3, C}, 2, 0.3)},
              {"gamma2", small ? tensor({2}, {1.5f, 0.5f}) : drawn({C}, 3)},
              {"beta2", small ? tensor({2}, {0.1f, -0.2f}) : drawn({C}, 4, 0.2)},
              {"Wp", small ? tensor({1, 1, 2, 1}, {0.7f, -0.4f}) : drawn({1, 1, C, K}, 5, 0.2)},
              {"Wr", small ? tensor({2, 1}, {0.4f, -0.3f}) : drawn({C, R}, 6, 0.2)},
              {"br", small ? tensor({1}, {0.1f}) : drawn({R}, 7, 0.1)},
              {"Wx", small ? tensor({1, 2}, {1, -0.5f}) : drawn({R, C}, 8, 0.3)},
              {"bx", small ? tensor({2}, {0, 0.2f}) : drawn({C}, 9, 0.1)}};
  e.given = "no expansion (then z1 is x), 3 x 3, stride 1, padding 1, eps 0.001, swish, a gate with one hidden value";
  if (!small) e.given = "no expansion, 3 x 3, stride 1, padding 1, eps 0.001, swish, a gate";
  e.output = "z3";
  e.dy = small ? tensor({1, 2, 2, 1}, {1, -2, 0.5f, 3}) : drawn({1, side, side, K}, 10);
  const auto block = std::make_shared<MBConv>();
  e.op = [=](Tape& tape, const std::vector<Tensor>& v) {
    *block = MBConv{};
    block->depthwise = unit_of(v[4], v[5], v[6], true);
    block->depthwise.activation = Activation::swish;
    block->project = unit_of(v[7], Tensor::full({K}, 1.0f), Tensor::zeros({K}), false);
    block->se = SqueezeExcitation{{v[8]}, {v[9]}, {v[10]}, {v[11]}};
    return fused_mbconv(*block, tape.input(v[0]), Pass::train(tape));
  };
  e.forward = [=](const std::vector<Doubles>& v) { return BlockSteps(z, v).z3; };
  e.backward = [=](const std::vector<Doubles>& v, const Doubles& dz3) {
    return BlockBack(z, BlockSteps(z, v), v, dz3).by_input;
  };
  e.working = [=](const std::vector<Doubles>& v, const Doubles& dz3) { return block_working(z, v, dz3); };
  return e;
}

}  // namespace vitrine::op_pages
