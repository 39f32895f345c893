#pragma once

#include <cstdint>
#include <string>

namespace vitrine::cli {

struct GraphsOfNetwork {
  std::string arch = "b0";
  std::int64_t batch = 16, size = 64;
};
// Asks cuDNN for an engine for every graph of --kernels cudnn; without a GPU, only builds them. Error when cuDNN is older than 9 or lacks a
// function.
void print_kernels(const GraphsOfNetwork& which);

}  // namespace vitrine::cli
