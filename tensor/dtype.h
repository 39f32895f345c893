// The types of numbers that files and tensors hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace vitrine {

// All of them occur in files of weights. A Tensor holds f32, which is what ops compute with; f64, for sums and statistics;
// u8, bytes; or bf16, values of a CUDA device between ops (tensor/bfloat16.h).
enum class DType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };
std::size_t dtype_bytes(DType type);
std::string_view dtype_name(DType type);  // "F32", as safetensors spells it
std::optional<DType> dtype_from_name(std::string_view name);
bool is_floating(DType type);

// The type of a tensor's elements as C++ calls them. Others do not compile: a Tensor cannot hold them.
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace vitrine
