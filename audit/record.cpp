#include "audit/record.h"

#include <bit>
#include <cstring>
#include <type_traits>

#include "base/error.h"

namespace vitrine::audit {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

// Walks through the bytes of a record, writing or reading.
template <class Byte>
struct Walk {
  Byte* at;

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_const_v<Byte>) {
      std::memcpy(&value, at, sizeof value);
    } else {
      std::memcpy(at, &value, sizeof value);
    }
    at += sizeof value;
  }
};

// The layout: one place for both directions. Counts of values are 32 bits: a tensor of more has not been trained here.
template <class Byte, class Record>
void walk(Walk<Byte> w, Record& r) {
  auto counts =
      std::array<std::uint32_t, 4>{static_cast<std::uint32_t>(r.facts.nans), static_cast<std::uint32_t>(r.facts.infinities),
                                   static_cast<std::uint32_t>(r.facts.subnormals), static_cast<std::uint32_t>(r.facts.zeros)};
  std::uint8_t reserved = 0;
  auto phase = static_cast<std::uint8_t>(r.phase);
  auto elements = static_cast<std::uint64_t>(r.facts.elements);
  w(r.step), w(r.epoch), w(phase), w(r.flags), w(r.rank), w(reserved);
  w(r.op), w(r.node), w(r.tensor), w(r.dims);
  w(r.samples);
  w(r.inputs.high), w(r.inputs.low), w(r.facts.hash.high), w(r.facts.hash.low);
  w(r.facts.minimum), w(r.facts.maximum), w(r.facts.mean), w(r.facts.norm);
  w(counts), w(elements);
  w(r.worst_error), w(r.worst_rho), w(r.median_rho), w(r.worst_element), w(r.above);
  if constexpr (std::is_const_v<Byte>) {
    r.phase = static_cast<Phase>(phase);
    r.facts.nans = counts[0], r.facts.infinities = counts[1], r.facts.subnormals = counts[2], r.facts.zeros = counts[3];
    r.facts.elements = static_cast<std::int64_t>(elements);
  }
}

}  // namespace

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::forward: return "forward";
    case Phase::backward: return "backward";
    case Phase::gradient: return "gradient";
    case Phase::update: return "update";
    case Phase::data: return "data";
  }
  return "unknown";
}

bool tells_values(const OpRecord& r) {
  const TensorFacts& f = r.facts;
  if (f.elements <= 0) return false;
  return f.minimum != 0 || f.maximum != 0 || f.norm != 0 || f.zeros + f.nans + f.infinities > 0;
}

std::string kind_of(const std::string& node) {
  const std::string last = node.substr(node.rfind('/') + 1);
  return last.substr(0, last.find('#'));
}

void write_record(const OpRecord& record, char* to) {
  std::memset(to, 0, kRecordBytes);
  OpRecord copy = record;
  walk(Walk<char>{to}, copy);
}

OpRecord read_record(const char* from) {
  OpRecord record;
  walk(Walk<const char>{from}, record);
  return record;
}

}  // namespace vitrine::audit
