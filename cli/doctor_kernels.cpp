// `vitrine doctor --kernels`: which graphs of a network cuDNN runs on this machine's GPUs, and which it refuses, with the reason.
#include "cli/doctor_kernels.h"

#include <cstdio>

#include "base/interrupt.h"
#include "layers/cudnn/run.h"
#include "nn/efficientnet/graphs.h"
#include "tensor/cuda/runtime.h"
#include "tensor/cuda/settings.h"

namespace vitrine::cli {
namespace {

using cuda::cudnn::Description;

void print_refusals(const char* pass, const std::vector<Description>& graphs) {
  std::size_t refused = 0;
  std::string lines;
  for (const Description& d : graphs) {
    check_interrupt("the doctor");
    const std::string reason = cuda::cudnn::why_refused(d);
    if (reason.empty()) continue;
    ++refused;
    lines += "                    refused: " + d.what + ": " + reason + "\n";
  }
  std::printf("                  %-10s %s: %zu of %zu graphs have a deterministic engine\n%s", pass,
              cuda::text_of(cuda::settings().precision).c_str(), graphs.size() - refused, graphs.size(), lines.c_str());
}

}  // namespace

void print_kernels(const GraphsOfNetwork& which) {
  const Architecture arch = architecture(which.arch);
  const std::vector<Description> training = training_graphs(arch, which.batch, which.size),
                                 prediction = prediction_graphs(arch, which.batch, which.size);
  std::vector<Description> in_bfloat16;  // what blocks run whose expanded tensors lie in bfloat16
  for (const Description& d : training) {
    if (d.has_products()) in_bfloat16.push_back(d.in_bfloat16(d.what.find("weight gradient") == std::string::npos));
  }
  std::printf("kernels           %s, batch %lld, %lld x %lld\n", which.arch.c_str(), static_cast<long long>(which.batch),
              static_cast<long long>(which.size), static_cast<long long>(which.size));
  if (cuda::device_count() == 0) {
    if (cuda::is_built()) {
      for (const auto* graphs : {&training, &prediction}) {
        for (const Description& d : *graphs) cuda::cudnn::build(d);
      }
    }
    std::printf(
        "                  training %zu and prediction %zu graphs of cuDNN%s; which of them have an engine a GPU tells: %s\n",
        training.size(), prediction.size(), cuda::is_built() ? ", all of which it can be told" : "",
        cuda::why_no_device().c_str());
    return;
  }
  const cuda::Precision before = cuda::settings().precision;
  for (int i = 0; i < cuda::device_count(); ++i) {
    cuda::make_current(Device::cuda(i));
    std::printf("                  cuda:%d  %s\n", i, cuda::describe(i).name.c_str());
    for (const cuda::Precision precision : {cuda::Precision::fp32, cuda::Precision::tf32, cuda::Precision::bf16}) {
      cuda::settings().precision = precision;
      print_refusals("training", training);
      if (precision == cuda::Precision::bf16) print_refusals("in memory", in_bfloat16);
      if (precision == cuda::Precision::fp32) print_refusals("prediction", prediction);
    }
  }
  cuda::settings().precision = before;
}

}  // namespace vitrine::cli
