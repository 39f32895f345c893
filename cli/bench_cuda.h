// What the two files of `vitrine bench --device cuda` share.
#pragma once

#include <string>

#include "base/json.h"
#include "cli/bench.h"
#include "tensor/tensor.h"

namespace vitrine::cli {

Tensor drawn(const Shape& shape, std::uint32_t op);  // uniform in [0, 1), on the CPU
Json described(Device device, const BenchCommand& c, const std::string& kind);
void print_plans();  // what the libraries were measured to do best for each shape
// A training step and a prediction of the command's batch, without printing.
void run_once_for_choices(Device device, const BenchCommand& c);

}  // namespace vitrine::cli
