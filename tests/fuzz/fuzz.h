// What every fuzz target shares: an input is accepted or refused with its typed error; anything else is a finding.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "weights/tensor_file.h"

namespace vitrine::testing {

inline std::string bytes_of(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Runs `call`; a refusal must name the input and give a reason.
template <class Refusal = WeightsError, class Call>
void accept_or_refuse(const Call& call) {
  try {
    call();
  } catch (const Refusal& error) {
    if (std::string(error.what()).size() < 10) std::abort();
  }
}

// Every accepted tensor can be read, and has as many values as its shape says.
inline void read_all(const TensorFile& file) {
  for (const StoredTensor& t : file.tensors) {
    if (t.to_double().size() != static_cast<std::size_t>(t.shape.elements())) std::abort();
  }
}

}  // namespace vitrine::testing
