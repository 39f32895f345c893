#include "tests/layers/op_tests.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "layers/add.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"
#include "tests/cuda_devices.h"
#include "tests/everywhere.h"
#include "tests/saved_tensors.h"

namespace vitrine::testing {
namespace {

constexpr double kUlp = 0x1p-23;

std::vector<double> draw(std::uint32_t what, std::int64_t count, double scale) {
  const Draw source{.seed = 7, .op = what};
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<double>(static_cast<float>(scale * source.normal(static_cast<std::uint32_t>(i))));
  }
  return values;
}

Arrays<double> draw_inputs(const OpCase& c) {
  Arrays<double> inputs;
  for (std::size_t i = 0; i < c.inputs.size(); ++i)
    inputs.push_back(draw(static_cast<std::uint32_t>(i), c.inputs[i].elements(), c.input_scale));
  return inputs;
}

std::vector<float> rounded(const std::vector<double>& values) { return {values.begin(), values.end()}; }

Arrays<float> rounded(const Arrays<double>& arrays) {
  Arrays<float> out;
  for (const auto& a : arrays) out.push_back(rounded(a));
  return out;
}

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

// Leaves NaN in the freed blocks that the next tensors will get.
void poison_free_memory(std::int64_t elements) {
  std::vector<Tensor> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(Tensor::full({elements}, std::numeric_limits<float>::quiet_NaN()));
}

struct Result {
  std::vector<float> y;
  Arrays<float> dx;
  bool operator==(const Result& other) const {
    const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
      return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    if (!same(y, other.y) || dx.size() != other.dx.size()) return false;
    for (std::size_t i = 0; i < dx.size(); ++i) {
      if (!same(dx[i], other.dx[i])) return false;
    }
    return true;
  }
};

std::vector<float> values_of(const Tensor& t) {
  const Tensor here = t.to(Device::cpu());
  return {here.host().begin(), here.host().end()};
}

// Forward and backward through the tape; `uses` applications of the op on the same leaves are added up.
Result run(const OpCase& c, const Arrays<double>& inputs, int uses = 1, Device device = {}) {
  Tape tape;
  std::vector<Variable> leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    poison_free_memory(c.inputs[i].elements());
    leaves.push_back(tape.input(Tensor::from(c.inputs[i], rounded(inputs[i])).to(device)));
  }
  Variable y = c.apply(leaves);
  for (int use = 1; use < uses; ++use) y = add(y, c.apply(leaves));
  poison_free_memory(y.tensor().size());
  const std::vector<double> dy = draw(99, y.tensor().size(), 1.0);
  const Gradients gradients = tape.backward(y, Tensor::from(y.shape(), rounded(dy)).to(device));
  Result result{values_of(y.tensor()), {}};
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Tensor& dx = gradients.of(leaves[i]);
    EXPECT_TRUE(dx.defined()) << "input " << i << " has no gradient";
    EXPECT_EQ(dx.shape(), c.inputs[i]) << "gradient of input " << i;
    result.dx.push_back(dx.defined() ? values_of(dx) : std::vector<float>{});
    EXPECT_EQ(values_of(leaves[i].tensor()), rounded(inputs[i])) << "input " << i << " was changed";
  }
  return result;
}

void expect_close(const std::vector<float>& got, const std::vector<double>& expected, double ulp, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  const double allowed = ulp * kUlp * largest(expected);
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_LE(std::abs(static_cast<double>(got[i]) - expected[i]), allowed)
        << what << "[" << i << "]: kernel " << got[i] << ", reference " << expected[i] << ", allowed " << ulp
        << " ulp of the largest";
  }
}

}  // namespace

void PrintTo(const OpCase& c, std::ostream* out) { *out << c.name; }

TEST_P(OpTest, ReferenceBackwardIsTheDerivativeOfItsForward) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  const std::vector<double> y = c.forward(inputs);
  const std::vector<double> dy = draw(98, static_cast<std::int64_t>(y.size()), 1.0);
  const Arrays<double> dx = c.backward(inputs, dy);
  ASSERT_EQ(dx.size(), inputs.size());
  for (std::size_t moved = 0; moved < inputs.size(); ++moved) {
    ASSERT_EQ(dx[moved].size(), inputs[moved].size());
    for (std::uint32_t trial = 0; trial < 6; ++trial) {
      // dy . (J u) must equal u . (J' dy) for any direction u; the first trials move one element only.
      std::vector<double> u = draw(200 + trial, static_cast<std::int64_t>(inputs[moved].size()), 1.0);
      if (trial < 3) {
        const std::size_t kept = (trial * 7919u) % u.size();
        for (std::size_t i = 0; i < u.size(); ++i) u[i] = i == kept ? 1.0 : 0.0;
      }
      Arrays<Dual> duals;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        duals.emplace_back();
        for (std::size_t i = 0; i < inputs[k].size(); ++i) duals[k].emplace_back(inputs[k][i], k == moved ? u[i] : 0.0);
      }
      const std::vector<Dual> moved_y = c.forward_dual(duals);
      double along_output = 0, along_input = 0, scale = 0;
      for (std::size_t i = 0; i < dy.size(); ++i) {
        along_output += dy[i] * moved_y[i].slope;
        scale += std::abs(dy[i] * moved_y[i].slope);
      }
      for (std::size_t i = 0; i < u.size(); ++i) {
        along_input += dx[moved][i] * u[i];
        scale += std::abs(dx[moved][i] * u[i]);
      }
      ASSERT_NEAR(along_output, along_input, 1e-12 * std::max(scale, 1e-3)) << "input " << moved << ", direction " << trial;
    }
  }
}

TEST_P(OpTest, KernelsAgreeWithTheReference) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  const Result kernel = run(c, inputs);
  const std::vector<double> dy = draw(99, static_cast<std::int64_t>(kernel.y.size()), 1.0);
  expect_close(kernel.y, c.forward(inputs), c.forward_ulp, "forward");
  const Arrays<double> dx = c.backward(inputs, dy);
  for (std::size_t i = 0; i < dx.size(); ++i)
    expect_close(kernel.dx[i], dx[i], c.backward_ulp, "gradient of input " + std::to_string(i));
  if (c.same_bits_as_float_reference) {
    const Result reference{c.forward_float(rounded(inputs)), c.backward_float(rounded(inputs), rounded(dy))};
    EXPECT_TRUE(kernel == reference) << "the kernel does not follow the canonical order of the reference";
  }
}

TEST_P(OpTest, GradientsAddUpWhenAnInputIsUsedTwice) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  const Result once = run(c, inputs, 1);
  const Result twice = run(c, inputs, 2);
  for (std::size_t i = 0; i < once.dx.size(); ++i) {
    for (std::size_t j = 0; j < once.dx[i].size(); ++j)
      ASSERT_EQ(twice.dx[i][j], 2 * once.dx[i][j]) << "input " << i << "[" << j << "]";
  }
}

TEST_P(OpTest, EveryElementIsWritten) {
  const Result result = run(GetParam(), draw_inputs(GetParam()));
  for (const float v : result.y) ASSERT_FALSE(std::isnan(v)) << "the output has an element that was never written";
  for (const auto& dx : result.dx) {
    for (const float v : dx) ASSERT_FALSE(std::isnan(v)) << "a gradient has an element that was never written";
  }
}

TEST_P(OpTest, NodesShowWhatTheyHold) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  expect_nodes_show_what_they_hold([&](Tape& tape) {
    std::vector<Variable> leaves;
    for (std::size_t i = 0; i < inputs.size(); ++i) leaves.push_back(tape.input(Tensor::from(c.inputs[i], rounded(inputs[i]))));
    c.apply(leaves);
  });
}

TEST_P(OpTest, Float64InputsAreRefusedByName) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    std::vector<Variable> constants;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      constants.emplace_back(i == k ? Tensor::from<double>(c.inputs[i], inputs[i])
                                    : Tensor::from(c.inputs[i], rounded(inputs[i])));
    try {
      c.apply(constants);
      ADD_FAILURE() << "input " << k << " in float64 was taken";
    } catch (const DTypeError& error) {
      const std::string said = error.what(),
                        expected = ": input " + std::to_string(k) + " " + c.inputs[k].text() + " holds F64, expected F32";
      EXPECT_NE(said.find(expected), std::string::npos) << said;
      EXPECT_GT(said.find(expected), 0u) << "no op is named: " << said;
    }
  }
}

// A device's kernel that is given the host's memory ends the process on a GPU, and on cuda-host goes unnoticed.
TEST_P(OpTest, InputsOnTwoDevicesAreRefusedByName) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  for (std::size_t k = 1; k < inputs.size(); ++k) {
    std::vector<Variable> constants;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Tensor value = Tensor::from(c.inputs[i], rounded(inputs[i]));
      constants.emplace_back(i == k ? value.to(Device::cuda_host()) : value);
    }
    try {
      c.apply(constants);
      ADD_FAILURE() << "input " << k << " on another device was taken";
    } catch (const DeviceError& error) {
      const std::string said = error.what(),
                        expected = ": input " + std::to_string(k) + " lies on cuda-host, expected cpu as the others";
      EXPECT_NE(said.find(expected), std::string::npos) << said;
    }
  }
}

TEST_P(OpTest, SameBitsOnRepeatThreadsAndInstructionSets) {
  const Arrays<double> inputs = draw_inputs(GetParam());
  const int threads_before = thread_count();
  const Isa isa_before = active_isa();
  const Result expected = run(GetParam(), inputs);
  EXPECT_TRUE(run(GetParam(), inputs) == expected) << "a repeated run differs";
  for (const int threads : {1, 2, 3, 7}) {
    set_thread_count(threads);
    EXPECT_TRUE(run(GetParam(), inputs) == expected) << threads << " threads differ";
  }
  set_thread_count(threads_before);
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (!isa_supported(isa)) continue;
    set_active_isa(isa);
    EXPECT_TRUE(run(GetParam(), inputs) == expected) << isa_name(isa) << " differs";
  }
  set_active_isa(isa_before);
}

// How many values of `got` are numbers where `expected` has NaN. The other way round is no fault: a NaN weight meets the zeros around a tile.
std::size_t passed_over(const std::vector<float>& expected, const std::vector<float>& got) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) count += std::isnan(expected[i]) && !std::isnan(got[i]) ? 1 : 0;
  return count;
}

TEST_P(OpTest, ANanInAnInputIsNeverPassedOver) {
  const OpCase& c = GetParam();
  for (std::size_t k = 0; k < c.inputs.size(); ++k) {
    for (const bool everywhere_in_it : {false, true}) {
      Arrays<double> inputs = draw_inputs(c);
      const std::size_t one = 7919 % inputs[k].size();
      for (std::size_t i = 0; i < inputs[k].size(); ++i) {
        if (everywhere_in_it || i == one) inputs[k][i] = std::numeric_limits<double>::quiet_NaN();
      }
      const std::vector<float> expected = c.forward_float(rounded(inputs));
      if (everywhere_in_it) {
        EXPECT_NE(passed_over(expected, std::vector<float>(expected.size(), 0.0f)), 0u)
            << "the reference passes input " << k << " over";
      }
      const auto forward = [&](Device device) {
        std::vector<Variable> constants;
        for (std::size_t i = 0; i < inputs.size(); ++i)
          constants.emplace_back(Tensor::from(c.inputs[i], rounded(inputs[i])).to(device));
        return values_of(c.apply(constants).tensor());
      };
      everywhere({1}, [&](const std::string& where) {
        EXPECT_EQ(passed_over(expected, forward({})), 0u) << "input " << k << ", " << where;
      });
      for (const Device device : cuda_devices()) {
        const TierScope scope(cuda::Tier::portable);
        EXPECT_EQ(passed_over(expected, forward(device)), 0u) << "input " << k << ", " << device.text();
      }
    }
  }
}

TEST_P(OpTest, CudaKernelsHaveTheBitsOfTheCpuInThePortableTier) {
  const Arrays<double> inputs = draw_inputs(GetParam());
  const Result expected = run(GetParam(), inputs);
  for (const Device device : cuda_devices()) {
    const TierScope scope(cuda::Tier::portable);
    EXPECT_TRUE(run(GetParam(), inputs, 1, device) == expected) << device.text();
  }
}

TEST_P(OpTest, CudaKernelsOfTheRunToRunTierAgreeWithTheReferenceAndRepeatTheirBits) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  for (const Device device : cuda_devices()) {
    const TierScope scope(cuda::Tier::run_to_run);
    const Result kernel = run(c, inputs, 1, device);
    const std::vector<double> dy = draw(99, static_cast<std::int64_t>(kernel.y.size()), 1.0);
    // A library's products have one accumulator, whose error grows with the number of terms: four times the bound of ours.
    const double factor = device.is_gpu() ? 4 : 1;
    expect_close(kernel.y, c.forward(inputs), factor * c.forward_ulp, "forward on " + device.text());
    const Arrays<double> dx = c.backward(inputs, dy);
    for (std::size_t i = 0; i < dx.size(); ++i)
      expect_close(kernel.dx[i], dx[i], factor * c.backward_ulp,
                   "gradient of input " + std::to_string(i) + " on " + device.text());
    EXPECT_TRUE(run(c, inputs, 1, device) == kernel) << "a repeated run differs on " << device.text();
  }
}

// What the interpreter makes of the graphs on cuda-host, and cuDNN on a GPU; ops without a graph run our own kernels.
TEST_P(OpTest, CudnnsGraphsAgreeWithTheReferenceAndRepeatTheirBits) {
  const OpCase& c = GetParam();
  const Arrays<double> inputs = draw_inputs(c);
  const TierScope tier(cuda::Tier::run_to_run);
  const KernelsScope kernels(cuda::Kernels::cudnn);
  for (const Device device : cuda_devices()) {
    const Result graph = run(c, inputs, 1, device);
    const std::vector<double> dy = draw(99, static_cast<std::int64_t>(graph.y.size()), 1.0);
    // cuDNN does not say how exact its exponential is, nor in which order it sums.
    const double factor = device.is_gpu() ? 16 : 1;
    expect_close(graph.y, c.forward(inputs), factor * c.forward_ulp, "forward on " + device.text());
    const Arrays<double> dx = c.backward(inputs, dy);
    for (std::size_t i = 0; i < dx.size(); ++i)
      expect_close(graph.dx[i], dx[i], factor * c.backward_ulp,
                   "gradient of input " + std::to_string(i) + " on " + device.text());
    EXPECT_TRUE(run(c, inputs, 1, device) == graph) << "a repeated run differs on " << device.text();
  }
}

}  // namespace vitrine::testing
