// Sizes read from an untrusted file: every product and sum is checked before it is believed.
#pragma once

#include <cstdint>
#include <span>

namespace vitrine {

// sizes[0] * sizes[1] * ... * item_bytes, multiplied in this order. False on a negative size or when a step leaves 63 bits.
inline bool byte_count(std::span<const std::int64_t> sizes, std::size_t item_bytes, std::uint64_t& bytes) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(product, size, &product)) return false;
  }
  if (__builtin_mul_overflow(product, static_cast<std::int64_t>(item_bytes), &product)) return false;
  bytes = static_cast<std::uint64_t>(product);
  return true;
}

// The little-endian unsigned integer of type T at `bytes`, which need not be aligned.
template <class T>
T load_little_endian(const char* bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(bytes[i])) << (8 * i));
  return value;
}

}  // namespace vitrine
