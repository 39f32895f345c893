// What an audit keeps of one tensor that an op computed: 192 bytes, little-endian (docs/audit-format.md).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tensor/tensor_hash.h"

namespace vitrine::audit {

enum class Phase : std::uint8_t { forward, backward, gradient, update, data };  // stored as numbers: new ones come last
std::string_view phase_name(Phase phase);

// Flags of a record.
inline constexpr std::uint8_t kInner = 1;     // a value inside of a fused op, shown by its node or computed again
inline constexpr std::uint8_t kShadowed = 2;  // samples, errors and rho are filled in
inline constexpr std::uint8_t kChecksum = 4;  // each of its samples is a sum over a whole row of outputs
inline constexpr std::uint8_t kOtherForm =
    8;  // samples and errors are differences from another form of the same sum in float32; there is no rho

struct OpRecord {
  std::uint64_t step = 0;   // of the fold, from 0
  std::uint32_t epoch = 1;  // from 1
  Phase phase = Phase::forward;
  std::uint8_t flags = 0;
  std::uint32_t op = 0;  // the op's number on its tape
  std::uint32_t node =
      0;  // its place in the network and its name, as a number of the trace's table of names: "blocks.1.0/fused_mbconv"
  std::uint32_t tensor = 0;             // which of its tensors, another such number: "y", "dw"
  std::array<std::uint32_t, 4> dims{};  // of the tensor; the fourth holds the product of all that follow
  std::uint8_t rank = 0;
  Hash128 inputs;  // of the op's inputs in their order and of the numbers that it was given
  TensorFacts facts;
  std::uint32_t samples = 0, above = 0;  // elements compared with float64, and how many of them had rho > 1
  double worst_error = 0, worst_rho = 0, median_rho = 0;
  std::uint64_t worst_element = 0;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// Its smallest, largest, mean and counts are of values: a rule's record has only the comparison.
bool tells_values(const OpRecord& record);
std::string kind_of(const std::string& node);  // "fused_mbconv" of "blocks.1.0/fused_mbconv#2"

inline constexpr std::size_t kRecordBytes = 192;
void write_record(const OpRecord& record, char* to);  // kRecordBytes of them
OpRecord read_record(const char* from);               // any bytes: what they mean is the reader's to check

}  // namespace vitrine::audit
