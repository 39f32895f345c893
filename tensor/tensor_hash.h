// A hash of a tensor that knows where each value stands, and what else can be said of its values in one reading.
//
// Definition  the tensor's memory as 32-bit words w_0, w_1, ... (a float32 NaN counts as 0x7FC00000, whatever its bits; the last bytes are filled up
//             with zeros), cut into chunks of 1,024 words. Of a chunk, NH of Black et al.: the sum over pairs of
//             (w_2j + k_2j mod 2^32)(w_2j+1 + k_2j+1 mod 2^32) mod 2^64, words beyond the end counting as zeros. The hash's half is the sum over chunks c of
//             mix(NH_c + c G) mod 2^64, to which mix of the number of bytes is added; the second half takes the key four words further on. k is Philox's
//             stream of seed 0x5649545248 ("VITRH"), mix is splitmix64's last step, G = 0x9E3779B97F4A7C15.
//             A sum of whole numbers modulo 2^64 has no order: the same on any number of threads, any instruction set, any device.
// Strength    two tensors that differ share a hash with a probability of about 2^-64 by accident. It is no protection against intent: what is to be
//             trusted is sealed by SHA-256 (base/sha256.h).
// Reference   Black, Halevi, Krawczyk, Krovetz, Rogaway 1999, "UMAC: fast and secure message authentication", doi 10.1007/3-540-48405-1_14, sec. 4;
//             Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195 (mix)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace vitrine {

struct Hash128 {
  std::uint64_t high = 0, low = 0;
  bool operator==(const Hash128&) const = default;
};
std::string hex(const Hash128& hash);                     // 32 digits
bool parse_hash(std::string_view digits, Hash128& hash);  // false for anything else

// Of a tensor on any device (its values are brought to the host), of any dtype; of raw bytes. An undefined tensor has the hash of no bytes.
Hash128 hash_of(const Tensor& tensor);
Hash128 hash_of_bytes(const void* bytes, std::size_t count);
// One hash of several in their order.
Hash128 combined(const Hash128& before, const Hash128& next);
// The hashes of these tensors, `combined` in their order from a hash of zeros.
Hash128 hash_in_order(const std::vector<Tensor>& tensors);

// The hash, and what a record of an audit says of the values. Sums are taken in float64 over 16 lanes of every chunk of 1,024 values, the
// lanes added in order, the chunks in order: the same bits on any thread count and instruction set.
struct TensorFacts {
  Hash128 hash;
  float minimum = 0, maximum = 0;  // of the values that are no NaN; 0 where there is none
  double mean = 0, norm = 0;       // of the finite values; norm: sqrt(sum x^2)
  std::int64_t nans = 0, infinities = 0, subnormals = 0, zeros = 0;
  std::int64_t elements = 0;
};
TensorFacts facts_of(const Tensor& tensor);  // float32 or bfloat16; DTypeError

namespace kernels {

inline constexpr std::int64_t kHashChunk = 1024;  // words

struct ChunkFacts {
  double sum, squares;
  float minimum, maximum;
  std::int32_t nans, infinities, subnormals, zeros;
};

struct TensorHashKernels {
  // NH of whole chunks under both keys: sums[2 i], sums[2 i + 1] of chunk i. `floats`: NaN counts as one.
  void (*chunks)(const std::uint32_t* words, std::int64_t count, const std::uint32_t* key, bool floats, std::uint64_t* sums);
  void (*facts)(const float* values, std::int64_t count, ChunkFacts* out);  // of `count` values, at most a chunk
};
const TensorHashKernels& tensor_hash_kernels();

}  // namespace kernels
}  // namespace vitrine
