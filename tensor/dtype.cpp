#include "tensor/dtype.h"

#include <array>

#include "base/error.h"

namespace vitrine {
namespace {

struct DTypeRow {
  DType type;
  std::size_t bytes;
  std::string_view name;
};

constexpr std::array<DTypeRow, 10> kDTypes{{{DType::f64, 8, "F64"},
                                            {DType::f32, 4, "F32"},
                                            {DType::f16, 2, "F16"},
                                            {DType::bf16, 2, "BF16"},
                                            {DType::i64, 8, "I64"},
                                            {DType::i32, 4, "I32"},
                                            {DType::i16, 2, "I16"},
                                            {DType::i8, 1, "I8"},
                                            {DType::u8, 1, "U8"},
                                            {DType::boolean, 1, "BOOL"}}};

const DTypeRow& row(DType type) {
  for (const DTypeRow& r : kDTypes) {
    if (r.type == type) return r;
  }
  throw InternalError("an unknown element type");
}

}  // namespace

std::size_t dtype_bytes(DType type) { return row(type).bytes; }

std::string_view dtype_name(DType type) { return row(type).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& r : kDTypes) {
    if (r.name == name) return r.type;
  }
  return std::nullopt;
}

bool is_floating(DType type) { return type == DType::f64 || type == DType::f32 || type == DType::f16 || type == DType::bf16; }

}  // namespace vitrine
