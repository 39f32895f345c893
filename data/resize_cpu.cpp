#include "data/resize_kernels.h"
#include "tensor/simd.h"

namespace vitrine::kernels::VITRINE_ISA {
namespace {

typedef std::uint32_t U __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t Pixel __attribute__((vector_size(16)));
typedef std::uint8_t PixelOfBytes __attribute__((vector_size(4)));

constexpr int kPixels = kLanes / 4;  // in a vector

// kLanes bytes, each in 32 bits. By name: the compiler takes a conversion of vectors apart, byte by byte.
U load_bytes(const std::uint8_t* p) {
#if defined(__AVX512F__)
  return (U)_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif defined(__AVX2__)
  return (U)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
#elif defined(__aarch64__)
  std::uint32_t four;
  std::memcpy(&four, p, sizeof four);
  return (U)vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(four))));
#else
  return U{p[0], p[1], p[2], p[3]};
#endif
}

// kPixels weights, each four times.
U replicated(const std::int32_t* w) {
#if defined(__AVX512F__)
  const I lane = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
  const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w));
  return (U)_mm512_permutexvar_epi32((__m512i)lane, _mm512_castsi128_si512(four));
#elif defined(__AVX2__)
  const I lane = {0, 0, 0, 0, 1, 1, 1, 1};
  const __m128i two = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(w));
  return (U)_mm256_permutevar8x32_epi32(_mm256_castsi128_si256(two), (__m256i)lane);
#else
  const std::uint32_t one = static_cast<std::uint32_t>(*w);
  return U{one, one, one, one};
#endif
}

// A sum of weights times values, rounded to a value and cut to 0..255.
template <class Signed>
Signed rounded(Signed sum) {
  Signed v = (sum + (1 << (kWeightBits - 1))) >> kWeightBits;
  v &= ~(v >> 31);
  const Signed above = v > 255;
  return (v & ~above) | (above & 255);
}

void across(const std::uint8_t* row, std::int64_t begin, const OutputTaps* outputs, std::int64_t count,
            const std::int32_t* weight, std::uint8_t* out) {
  for (std::int64_t o = 0; o < count; ++o) {
    const std::uint8_t* pixel = row + (outputs[o].first - begin) * kPixelBytes;
    const std::int32_t* w = weight + outputs[o].weights;
    U sum = {};
    for (std::int64_t t = 0; t < outputs[o].count; t += kTapsPadding) {
      for (int i = 0; i < kTapsPadding; i += kPixels) sum += replicated(w + t + i) * load_bytes(pixel + (t + i) * kPixelBytes);
    }
    Pixel parts[kPixels];
    std::memcpy(parts, &sum, sizeof parts);
    Pixel total = parts[0];
    for (int i = 1; i < kPixels; ++i) total += parts[i];
    const PixelOfBytes bytes = __builtin_convertvector(rounded(total), PixelOfBytes);
    std::memcpy(out + o * kPixelBytes, &bytes, sizeof bytes);
  }
}

void add(std::uint32_t* sum, const std::uint8_t* row, std::int32_t weight, std::int64_t count) {
  const std::uint32_t w = static_cast<std::uint32_t>(weight);
  const U weights = U{} + w;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    U s;
    std::memcpy(&s, sum + i, sizeof s);
    s += weights * load_bytes(row + i);
    std::memcpy(sum + i, &s, sizeof s);
  }
  for (; i < count; ++i) sum[i] += w * row[i];
}

void finish(std::uint32_t* sum, std::uint8_t* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; i += 4) {  // whole pixels
    Pixel s;
    std::memcpy(&s, sum + i, sizeof s);
    const PixelOfBytes bytes = __builtin_convertvector(rounded(s), PixelOfBytes);
    std::memcpy(out + i, &bytes, sizeof bytes);
  }
  std::memset(sum, 0, static_cast<std::size_t>(count) * sizeof *sum);
}

}  // namespace

const ResizeKernels resize_kernels = {across, add, finish};

}  // namespace vitrine::kernels::VITRINE_ISA
