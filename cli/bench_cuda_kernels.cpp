// `vitrine bench kernels --device cuda`: every convolution of a network by each of its candidates, and what was chosen for the forms in which
// training and prediction run them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>
#include <tuple>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "cli/bench.h"
#include "cli/bench_cuda.h"
#include "layers/conv2d.h"
#include "layers/cudnn/convolution.h"
#include "layers/depthwise_conv2d.h"
#include "layers/kernels/linear_algebra_cuda.h"
#include "layers/products_cuda.h"
#include "nn/efficientnet/inference.h"
#include "nn/efficientnet/work.h"
#include "tensor/cuda/candidates.h"
#include "tensor/cuda/runtime.h"

namespace vitrine::cli {
namespace {

using cuda::Candidate;
using cuda::ConvolutionPart;
using cuda::Kernels;
using cuda::TimedCandidate;

// Our own kernels, whatever the settings say.
std::function<void()> by_own(const std::function<void()>& call) {
  return [call] {
    const Kernels before = cuda::settings().kernels;
    cuda::settings().kernels = Kernels::own;
    call();
    cuda::settings().kernels = before;
  };
}

struct Part {
  const char* name;
  std::vector<Candidate> candidates;
};

struct Operands {
  Tensor x, w, dy, y, dx, dw;
};

Operands operands_of(Device device, const ConvShape& s, bool depthwise) {
  Operands o;
  o.x = drawn({s.N, s.H, s.W, s.C}, 1).to(device);
  o.w = depthwise ? drawn({s.R, s.S, s.C}, 2).to(device) : drawn({s.R, s.S, s.C, s.K}, 2).to(device);
  o.dy = drawn({s.N, s.P, s.Q, s.K}, 3).to(device);
  o.y = Tensor::uninitialized(o.dy.shape(), device);
  o.dx = Tensor::uninitialized(o.x.shape(), device);
  o.dw = Tensor::uninitialized(o.w.shape(), device);
  return o;
}

std::vector<Part> depthwise_parts(Device device, const ConvShape& s, Operands& o) {
  const kernels::DepthwiseConv2dKernels& table = kernels::depthwise_conv2d_kernels(device);
  const float *const x = o.x.data(), *const w = o.w.data(), *const dy = o.dy.data();
  float *const y = o.y.mutable_data(), *const dx = o.dx.mutable_data(), *const dw = o.dw.mutable_data();
  const auto part = [&](ConvolutionPart p, const std::function<void()>& own, const std::function<bool()>& library) {
    return cuda::convolution_candidates({p, s, true}, by_own(own), library);
  };
  return {{"forward", part(
                          ConvolutionPart::forward, [=, &table] { table.forward(s, x, w, y); },
                          [=] { return cuda::library_depthwise(s, x, w, y); })},
          {"data gradient", part(
                                ConvolutionPart::data_gradient, [=, &table] { table.backward_data(s, dy, w, dx); },
                                [=] { return cuda::library_depthwise_data_gradient(s, dy, w, dx); })},
          {"weight gradient", part(
                                  ConvolutionPart::weight_gradient, [=, &table] { table.backward_weights(s, x, dy, dw); },
                                  [=] { return cuda::library_depthwise_weight_gradient(s, x, dy, dw); })}};
}

// 1 x 1: a product.
std::vector<Part> product_parts(const ConvShape& s, Operands& o) {
  const float *const x = o.x.data(), *const w = o.w.data(), *const dy = o.dy.data();
  float *const y = o.y.mutable_data(), *const dx = o.dx.mutable_data(), *const dw = o.dw.mutable_data();
  const std::int64_t rows = s.N * s.H * s.W;
  return {{"forward", cuda::product_candidates("forward", x, w, nullptr, rows, s.C, s.K, y)},
          {"data gradient", cuda::product_transposed_candidates("data gradient", dy, w, rows, s.K, s.C, dx)},
          {"weight gradient", cuda::product_over_rows_candidates("weight gradient", x, dy, rows, s.C, s.K, dw, [=] {
             cuda::own_product_over_rows("weight gradient", x, dy, rows, s.C, s.K, dw);
           })}};
}

std::vector<Part> dense_parts(Device device, const ConvShape& s, Operands& o) {
  const kernels::Conv2dKernels& table = kernels::conv2d_kernels(device);
  const float *const x = o.x.data(), *const w = o.w.data(), *const dy = o.dy.data();
  float *const y = o.y.mutable_data(), *const dx = o.dx.mutable_data(), *const dw = o.dw.mutable_data();
  const auto part = [&](ConvolutionPart p, const std::function<void()>& own, const std::function<bool()>& library) {
    return cuda::convolution_candidates({p, s}, by_own(own), library);
  };
  return {
      {"forward", part(
                      ConvolutionPart::forward, [=, &table] { table.forward(s, x, w, nullptr, y); },
                      [=] { return cuda::library_convolution(s, x, w, nullptr, y); })},
      {"data gradient", part(
                            ConvolutionPart::data_gradient, [=, &table] { table.backward_data(s, dy, w, nullptr, dx); },
                            [=] { return cuda::library_convolution_data_gradient(s, dy, w, dx); })},
      {"weight gradient", part(
                              ConvolutionPart::weight_gradient, [=, &table] { table.backward_weights(s, x, dy, nullptr, dw); },
                              [=] { return cuda::library_convolution_weight_gradient(s, x, dy, dw); })}};
}

// Here and now; what was chosen once, and stays so, is listed below the table.
bool is_fastest(const TimedCandidate& one, const std::vector<TimedCandidate>& all) {
  return one.microseconds &&
         &one == &*std::ranges::min_element(all, {}, [](const auto& t) { return t.microseconds.value_or(HUGE_VAL); });
}

void print_rows(Device device, const std::string& shape, const char* part, const std::vector<TimedCandidate>& timed) {
  for (const TimedCandidate& t : timed) {
    std::printf("%-44s  %-15s  %-8s  %10s  %10s  %-7s  %s\n", shape.c_str(), part, cuda::text_of(t.kernels).c_str(),
                t.microseconds ? fixed(*t.microseconds, 1).c_str() : "-",
                t.workspace > 0 ? std::to_string(t.workspace).c_str() : "-", is_fastest(t, timed) ? "fastest" : "",
                t.microseconds    ? t.notes.c_str()
                : device.is_gpu() ? "has nothing for the shape"
                                  : "needs a GPU");
  }
}

void print_json(Json j, const std::string& shape, const char* part, const std::vector<TimedCandidate>& timed) {
  j["part"] = part;
  j["shape"] = shape;
  for (const char* key : {"own_us", "cublaslt_us", "cudnn_us"}) j[key] = Json();
  Json all = Json::array();
  for (const TimedCandidate& t : timed) {
    const std::string name = cuda::text_of(t.kernels);
    if (t.microseconds) j[name + "_us"] = *t.microseconds;
    all.push_back({{"candidate", name},
                   {"us", t.microseconds ? Json(*t.microseconds) : Json()},
                   {"workspace", t.workspace},
                   {"notes", t.notes},
                   {"fastest", is_fastest(t, timed)}});
  }
  j["candidates"] = std::move(all);
  std::printf("%s\n", j.dump().c_str());
}

struct Ratio {
  double logarithms = 0;
  int compared = 0;

  void add(const std::vector<TimedCandidate>& timed) {
    double own = 0, library = 0;
    for (const TimedCandidate& t : timed) (t.kernels == Kernels::own ? own : library) = t.microseconds.value_or(0);
    if (own <= 0 || library <= 0) return;
    logarithms += std::log(library / own);
    ++compared;
  }
};

// What training and prediction run: the norm, the activation, the bias or the residual with the convolution.
void print_choices(Device device, const BenchCommand& c) {
  if (!c.json && !cuda::choices().empty())
    std::printf("\nchosen for the forms in which a training step and a prediction run them\n");
  for (const cuda::Choice& choice : cuda::choices()) {
    if (c.json) {
      Json j = described(device, c, "choice");
      j["what"] = choice.what;
      j["chosen"] = choice.kernels;
      j["us"] = choice.microseconds;
      j["candidates"] = choice.candidates;
      std::printf("%s\n", j.dump().c_str());
    } else {
      std::printf("  %-9s %s: %s\n", choice.kernels.c_str(), choice.what.c_str(), choice.candidates.c_str());
    }
  }
}

}  // namespace

void bench_kernels_on(Device device, const BenchCommand& c) {
  Ratio depthwise;
  if (!c.json)
    std::printf("%-44s  %-15s  %-8s  %10s  %10s  %-7s  notes\n", "convolution", "part", "kernels", "us", "workspace", "");
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t, bool>> seen;
  for (const LayerWork& layer : layers_of(architecture(c.arch), c.batch, c.size, 3, 1000)) {
    const ConvShape& s = layer.shape;
    const bool is_product = s.R == 1 && s.S == 1 && s.stride == 1;
    if (s.H * s.W <= 1 && !layer.depthwise) continue;
    if (!seen.insert({s.H, s.C, s.K, s.R * 8 + s.stride, layer.depthwise}).second) continue;
    check_interrupt("the measurement");
    const std::string shape = text(layer.depthwise ? "depthwise " : "", s.N, "x", s.H, "x", s.W, "x", s.C, " to ", s.K, "  ",
                                   s.R, "x", s.S, " stride ", s.stride);
    Operands o = operands_of(device, s, layer.depthwise);
    const std::vector<Part> parts = layer.depthwise ? depthwise_parts(device, s, o)
                                    : is_product    ? product_parts(s, o)
                                                    : dense_parts(device, s, o);
    for (const Part& part : parts) {
      const std::vector<TimedCandidate> timed = cuda::time_candidates(part.candidates);
      if (layer.depthwise) depthwise.add(timed);
      if (c.json) {
        print_json(described(device, c, layer.depthwise ? "depthwise" : "convolution"), shape, part.name, timed);
      } else {
        print_rows(device, shape, part.name, timed);
      }
    }
  }
  if (!c.json && depthwise.compared > 0)
    std::printf("depthwise: geometric mean over %d: cuDNN takes %s of our time\n", depthwise.compared,
                fixed(std::exp(depthwise.logarithms / depthwise.compared), 2).c_str());
  if (!device.is_gpu()) return;
  run_once_for_choices(device, c);
  print_choices(device, c);
  if (!c.json) print_plans();
}

}  // namespace vitrine::cli
