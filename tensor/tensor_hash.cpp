#include "tensor/tensor_hash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "tensor/bfloat16.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine {
namespace kernels {

namespace scalar {
extern const TensorHashKernels tensor_hash_table;
}
namespace avx2 {
extern const TensorHashKernels tensor_hash_table;
}
namespace avx512 {
extern const TensorHashKernels tensor_hash_table;
}

const TensorHashKernels& tensor_hash_kernels() {
  return for_this_machine(scalar::tensor_hash_table, avx2::tensor_hash_table, avx512::tensor_hash_table);
}

}  // namespace kernels

namespace {

using kernels::ChunkFacts;
using kernels::kHashChunk;

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;
constexpr std::int64_t kGrain = 16;  // chunks of a thread's part: 64 KiB

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

constexpr std::size_t kKeyWords = kHashChunk + 4;

const std::uint32_t* key() {
  static const std::array<std::uint32_t, kKeyWords> words = [] {
    std::array<std::uint32_t, kKeyWords> k{};
    for (std::uint32_t i = 0; i < kKeyWords; i += 4) {
      const std::array<std::uint32_t, 4> block = philox({i / 4, 0, 0, 0}, {0x54524820, 0x5649});
      std::copy(block.begin(), block.end(), k.begin() + i);
    }
    return k;
  }();
  return words.data();
}

// The halves of the hash from the sums of chunks, whole ones and the rest that was filled up.
class Halves {
 public:
  void add(std::int64_t chunk, const std::uint64_t* sums) {
    const std::uint64_t place = static_cast<std::uint64_t>(chunk) * kGolden;
    high_ += mix(sums[0] + place);
    low_ += mix(sums[1] + place);
  }
  Hash128 of(std::uint64_t bytes) const { return {high_ + mix(bytes + 1), low_ + mix(bytes + 2)}; }

 private:
  std::uint64_t high_ = 0, low_ = 0;
};

// What is hashed: its chunks, the last one filled up with zeros.
struct Words {
  const char* start = nullptr;
  std::size_t bytes = 0;
  bool floats = false;

  std::int64_t chunks() const { return static_cast<std::int64_t>((bytes + kHashChunk * 4 - 1) / (kHashChunk * 4)); }

  // sums[2 i], sums[2 i + 1] of chunk `first` + i.
  void sum(std::int64_t first, std::int64_t last, std::uint64_t* sums) const {
    const kernels::TensorHashKernels& kernel = kernels::tensor_hash_kernels();
    const std::int64_t whole = std::min(last, static_cast<std::int64_t>(bytes / (kHashChunk * 4)));
    if (whole > first)
      kernel.chunks(reinterpret_cast<const std::uint32_t*>(start + first * kHashChunk * 4), whole - first, key(), floats, sums);
    if (last <= whole) return;
    alignas(64) std::array<std::uint32_t, kHashChunk> filled{};
    const std::size_t before = static_cast<std::size_t>(last - 1) * kHashChunk * 4;
    std::memcpy(filled.data(), start + before, bytes - before);
    kernel.chunks(filled.data(), 1, key(), floats, sums + 2 * (last - 1 - first));
  }
  Hash128 hash(const std::uint64_t* sums) const {
    Halves halves;
    for (std::int64_t c = 0; c < chunks(); ++c) halves.add(c, sums + 2 * c);
    return halves.of(bytes);
  }
};

Hash128 hash_words(const Words& words) {
  std::array<std::uint64_t, 64> few;  // most of a network's tensors are small
  const std::int64_t count = words.chunks();
  if (2 * count <= std::ssize(few)) {
    words.sum(0, count, few.data());
    return words.hash(few.data());
  }
  std::vector<std::uint64_t> many(static_cast<std::size_t>(2 * count));
  parallel_for(count, kGrain, [&](std::int64_t first, std::int64_t last) { words.sum(first, last, many.data() + 2 * first); });
  return words.hash(many.data());
}

std::size_t bytes_of(const Tensor& tensor) { return static_cast<std::size_t>(tensor.size()) * dtype_bytes(tensor.dtype()); }

const void* memory_of(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::f32: return tensor.host<float>().data();
    case DType::f64: return tensor.host<double>().data();
    case DType::bf16: return tensor.host<BFloat16>().data();
    default: return tensor.host<std::uint8_t>().data();
  }
}

Words words_of(const Tensor& tensor) {
  return {static_cast<const char*>(memory_of(tensor)), bytes_of(tensor), tensor.dtype() == DType::f32};
}

}  // namespace

std::string hex(const Hash128& hash) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint64_t half : {hash.high, hash.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(half >> shift) & 15];
  }
  return out;
}

bool parse_hash(std::string_view digits, Hash128& hash) {
  if (digits.size() != 32) return false;
  std::array<std::uint64_t, 2> halves{};
  for (std::size_t i = 0; i < 32; ++i) {
    const char c = digits[i];
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    halves[i / 16] = halves[i / 16] << 4 | static_cast<std::uint64_t>(value);
  }
  hash = {halves[0], halves[1]};
  return true;
}

Hash128 hash_of_bytes(const void* bytes, std::size_t count) {
  return hash_words({static_cast<const char*>(bytes), count, false});
}

Hash128 hash_of(const Tensor& tensor) {
  if (!tensor.defined()) return hash_words({});
  const Tensor here = tensor.to(Device::cpu());
  return hash_words(words_of(here));
}

// One loop over the chunks of all: a network has hundreds of tensors, most of them too small for two threads.
Hash128 hash_in_order(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> here;
  std::vector<Words> words;
  std::vector<std::int64_t> begins{0};  // of each tensor's chunks; at the end their number
  for (const Tensor& tensor : tensors) {
    here.push_back(tensor.defined() ? tensor.to(Device::cpu()) : tensor);
    words.push_back(tensor.defined() ? words_of(here.back()) : Words{});
    begins.push_back(begins.back() + words.back().chunks());
  }
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(2 * begins.back()));
  parallel_for(begins.back(), kGrain, [&](std::int64_t first, std::int64_t last) {
    auto t = static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), first) - begins.begin()) - 1;
    for (; t < words.size() && begins[t] < last; ++t) {
      const std::int64_t from = std::max(first, begins[t]), to = std::min(last, begins[t + 1]);
      if (to > from) words[t].sum(from - begins[t], to - begins[t], sums.data() + 2 * from);
    }
  });
  Hash128 all;
  for (std::size_t t = 0; t < words.size(); ++t) all = combined(all, words[t].hash(sums.data() + 2 * begins[t]));
  return all;
}

Hash128 combined(const Hash128& before, const Hash128& next) {
  return {mix(before.high * kGolden + next.high + 1), mix(before.low * kGolden + next.low + 2)};
}

TensorFacts facts_of(const Tensor& tensor) {
  TensorFacts all;
  all.hash = hash_of(tensor);
  if (!tensor.defined() || tensor.size() == 0) return all;
  const Tensor there = tensor.to(Device::cpu()), here = there.dtype() == DType::bf16 ? there.in_float32() : there;
  const float* const values = here.host().data();
  all.elements = here.size();
  const std::int64_t count = (all.elements + kHashChunk - 1) / kHashChunk;
  std::vector<ChunkFacts> chunks(static_cast<std::size_t>(count));
  const kernels::TensorHashKernels& kernel = kernels::tensor_hash_kernels();
  parallel_for(count, kGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c)
      kernel.facts(values + c * kHashChunk, std::min(kHashChunk, all.elements - c * kHashChunk),
                   &chunks[static_cast<std::size_t>(c)]);
  });
  double sum = 0, squares = 0;
  all.minimum = std::numeric_limits<float>::infinity();
  all.maximum = -all.minimum;
  for (const ChunkFacts& c : chunks) {
    sum += c.sum;
    squares += c.squares;
    all.minimum = std::min(all.minimum, c.minimum);
    all.maximum = std::max(all.maximum, c.maximum);
    all.nans += c.nans;
    all.infinities += c.infinities;
    all.subnormals += c.subnormals;
    all.zeros += c.zeros;
  }
  if (all.nans == all.elements) all.minimum = all.maximum = 0;
  const std::int64_t finite = all.elements - all.nans - all.infinities;
  all.mean = finite > 0 ? sum / static_cast<double>(finite) : 0;
  all.norm = std::sqrt(squares);
  return all;
}

}  // namespace vitrine
