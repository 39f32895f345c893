#include "tensor/simd.h"
#include "tensor/tensor_hash.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

typedef std::uint32_t Words __attribute__((vector_size(kLanes * 4)));
typedef std::uint64_t Pairs __attribute__((vector_size(kLanes * 4)));

Words load_words(const std::uint32_t* p) {
  Words v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

// The product of the two words of every pair, in 64 bits.
Pairs products(Words v) {
  const Pairs pairs = (Pairs)v;
#if defined(__AVX512F__)
  return (Pairs)_mm512_mul_epu32((__m512i)pairs, (__m512i)(pairs >> 32));
#elif defined(__AVX2__)
  return (Pairs)_mm256_mul_epu32((__m256i)pairs, (__m256i)(pairs >> 32));
#else
  return (pairs & 0xFFFFFFFFu) * (pairs >> 32);
#endif
}

Words canonical(Words v) {
  const Words is_nan = (Words)((v & 0x7FFFFFFFu) > 0x7F800000u);
  return (v & ~is_nan) | (is_nan & 0x7FC00000u);
}

std::uint64_t total(Pairs v) {
  std::uint64_t sum = 0;
  for (int lane = 0; lane < kLanes / 2; ++lane) sum += v[lane];
  return sum;
}

template <bool kFloats>
void hash_chunk(const std::uint32_t* words, const std::uint32_t* key, std::uint64_t* sums) {
  Pairs first = {}, second = {};
  for (std::int64_t i = 0; i < kHashChunk; i += kLanes) {
    const Words v = kFloats ? canonical(load_words(words + i)) : load_words(words + i);
    first += products(v + load_words(key + i));
    second += products(v + load_words(key + i + 4));
  }
  sums[0] = total(first);
  sums[1] = total(second);
}

void chunks(const std::uint32_t* words, std::int64_t count, const std::uint32_t* key, bool floats, std::uint64_t* sums) {
  for (std::int64_t c = 0; c < count; ++c) {
    if (floats) {
      hash_chunk<true>(words + c * kHashChunk, key, sums + 2 * c);
    } else {
      hash_chunk<false>(words + c * kHashChunk, key, sums + 2 * c);
    }
  }
}

constexpr int kFactLanes = 16;  // of the sums, whatever the vector's width
constexpr int kParts = kFactLanes / kLanes;

// What is known of the values that went by, in 16 lanes.
struct Lanes {
  D sum[kParts] = {}, squares[kParts] = {};
  F low[kParts], high[kParts];
  I nans[kParts] = {}, infinities[kParts] = {}, subnormals[kParts] = {}, zeros[kParts] = {};

  Lanes() {
    for (int p = 0; p < kParts; ++p) low[p] = broadcast(__builtin_inff()), high[p] = broadcast(-__builtin_inff());
  }
  // The values of part p; `taken` is all ones where a lane holds one.
  void add(int p, F v, I taken) {
    const I magnitude = bits(v) & 0x7FFFFFFF;
    const D x = widen(from_bits(bits(v) & (magnitude < 0x7F800000)));
    sum[p] = sum[p] + x;
    squares[p] = squares[p] + x * x;
    low[p] = min(select(taken, v, low[p]), low[p]);
    high[p] = max(select(taken, v, high[p]), high[p]);
    nans[p] -= magnitude > 0x7F800000;
    infinities[p] -= magnitude == 0x7F800000;
    subnormals[p] -= (magnitude > 0) & (magnitude < 0x800000);
    zeros[p] -= (magnitude == 0) & taken;
  }
};

ChunkFacts joined(const Lanes& lanes) {
  ChunkFacts all = {0, 0, __builtin_inff(), -__builtin_inff(), 0, 0, 0, 0};
  for (int p = 0; p < kParts; ++p) {
    for (int i = 0; i < kLanes; ++i) {
      const bool lower = i < kLanes / 2;
      const int half = lower ? i : i - kLanes / 2;
      all.sum += lower ? lanes.sum[p].low[half] : lanes.sum[p].high[half];
      all.squares += lower ? lanes.squares[p].low[half] : lanes.squares[p].high[half];
      all.minimum = lanes.low[p][i] < all.minimum ? lanes.low[p][i] : all.minimum;
      all.maximum = lanes.high[p][i] > all.maximum ? lanes.high[p][i] : all.maximum;
      all.nans += lanes.nans[p][i];
      all.infinities += lanes.infinities[p][i];
      all.subnormals += lanes.subnormals[p][i];
      all.zeros += lanes.zeros[p][i];
    }
  }
  return all;
}

void facts(const float* values, std::int64_t count, ChunkFacts* out) {
  Lanes lanes;
  std::int64_t i = 0;
  for (; i + kFactLanes <= count; i += kFactLanes) {
    for (int p = 0; p < kParts; ++p) lanes.add(p, load(values + i + p * kLanes), ~I{});
  }
  I lane = {};
  for (int k = 0; k < kLanes; ++k) lane[k] = k;
  for (int p = 0; p < kParts && i < count; ++p, i += kLanes) {
    const int rest = lanes_of(count, i);
    lanes.add(p, load_partial(values + i, rest), lane < rest);
  }
  *out = joined(lanes);
}

}  // namespace

extern const TensorHashKernels tensor_hash_table;
const TensorHashKernels tensor_hash_table = {chunks, facts};

}  // namespace vitrine::kernels::VITRINE_ISA
