#include "tensor/tensor_hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <vector>

#include "base/error.h"
#include "tensor/philox.h"
#include "tests/everywhere.h"

namespace vitrine {
namespace {

Tensor drawn(std::int64_t n, std::uint64_t seed = 1) {
  Tensor t = Tensor::uninitialized({n});
  const Draw draw{seed, Purpose::init};
  for (std::int64_t i = 0; i < n; ++i)
    t.mutable_host()[static_cast<std::size_t>(i)] = static_cast<float>(draw.uniform(static_cast<std::uint32_t>(i))) - 0.5f;
  return t;
}

// The definition of the header, one word after the other.
Hash128 by_definition(const std::vector<std::uint32_t>& words, std::uint64_t bytes) {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  };
  const auto key = [](std::size_t i) {
    return philox({static_cast<std::uint32_t>(i / 4), 0, 0, 0}, {0x54524820, 0x5649})[i % 4];
  };
  std::uint64_t halves[2] = {mix(bytes + 1), mix(bytes + 2)};
  for (std::size_t half = 0; half < 2; ++half) {
    for (std::size_t start = 0; start < words.size(); start += 1024) {
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < 1024; i += 2) {
        const auto word = [&](std::size_t j) { return start + j < words.size() ? words[start + j] : 0u; };
        const std::uint32_t a = word(i) + key(i + 4 * half), b = word(i + 1) + key(i + 1 + 4 * half);
        sum += std::uint64_t{a} * b;
      }
      halves[half] += mix(sum + start / 1024 * 0x9E3779B97F4A7C15);
    }
  }
  return {halves[0], halves[1]};
}

std::vector<std::uint32_t> words_of(const Tensor& t) {
  std::vector<std::uint32_t> words(static_cast<std::size_t>(t.size()));
  std::memcpy(words.data(), t.host().data(), words.size() * 4);
  return words;
}

TEST(TensorHash, IsItsDefinitionEverywhere) {
  for (const std::int64_t n : {0, 1, 2, 3, 1023, 1024, 1025, 5000, 70001}) {
    const Tensor t = drawn(n);
    const Hash128 expected = by_definition(words_of(t), static_cast<std::uint64_t>(n) * 4);
    testing::everywhere({1, 2, 3, 7}, [&](const std::string& where) { EXPECT_EQ(hash_of(t), expected) << n << " " << where; });
  }
}

TEST(TensorHash, KnowsPlacesLengthsAndSigns) {
  const Tensor t = drawn(3000);
  std::set<std::string> seen{hex(hash_of(t))};
  for (const std::size_t i : {0u, 1u, 1023u, 1024u, 2999u}) {
    Tensor other = t.clone();
    other.mutable_host()[i] = std::nextafter(other.host()[i], 10.0f);
    EXPECT_TRUE(seen.insert(hex(hash_of(other))).second) << "a last bit at " << i;
  }
  for (const std::size_t i : {1u, 2u, 1024u, 2048u}) {
    Tensor swapped = t.clone();
    std::swap(swapped.mutable_host()[0], swapped.mutable_host()[i]);
    EXPECT_TRUE(seen.insert(hex(hash_of(swapped))).second) << "0 and " << i << " swapped";
  }
  EXPECT_NE(hash_of(Tensor::zeros({4})), hash_of(Tensor::zeros({5})));
  EXPECT_NE(hash_of(Tensor::zeros({4})), hash_of(Tensor::full({4}, -0.0f)));
  EXPECT_EQ(hash_of(t.reshaped({30, 100})), hash_of(t));  // shapes stand in records, not in the hash
}

TEST(TensorHash, TakesEveryNaNForOne) {
  Tensor a = drawn(20), b = a.clone();
  a.mutable_host()[7] = std::bit_cast<float>(0x7FC00000u);
  b.mutable_host()[7] = std::bit_cast<float>(0xFFC12345u);
  EXPECT_EQ(hash_of(a), hash_of(b));
}

TEST(TensorHash, ReadsItsOwnText) {
  const Hash128 hash = hash_of(drawn(10));
  Hash128 back;
  ASSERT_TRUE(parse_hash(hex(hash), back));
  EXPECT_EQ(back, hash);
  for (const std::string& wrong :
       {std::string(), hex(hash).substr(1), hex(hash) + "0", std::string(32, 'g'), std::string(32, 'A')})
    EXPECT_FALSE(parse_hash(wrong, back)) << wrong;
}

TEST(TensorHash, FactsAreThoseOfTheValues) {
  Tensor t = drawn(3001);
  const std::span<float> v = t.mutable_host();
  const float inf = std::numeric_limits<float>::infinity();
  v[3] = std::numeric_limits<float>::quiet_NaN(), v[4] = 0, v[5] = -0.0f, v[6] = 1e-40f, v[7] = 100, v[2000] = -7;
  testing::everywhere({1, 2, 3}, [&](const std::string& where) {
    const TensorFacts f = facts_of(t);
    EXPECT_EQ(f.hash, hash_of(t)) << where;
    EXPECT_EQ(f.elements, 3001);
    EXPECT_EQ(f.nans, 1);
    EXPECT_EQ(f.infinities, 0);
    EXPECT_EQ(f.zeros, 2);
    EXPECT_EQ(f.subnormals, 1);
    EXPECT_EQ(f.minimum, -7.0f);
    EXPECT_EQ(f.maximum, 100.0f);
    double sum = 0, squares = 0;
    for (const float x : t.host()) {
      if (std::isnan(x)) continue;
      sum += static_cast<double>(x);
      squares += static_cast<double>(x) * static_cast<double>(x);
    }
    EXPECT_NEAR(f.mean, sum / 3000, 1e-12) << where;
    EXPECT_NEAR(f.norm, std::sqrt(squares), 1e-9) << where;
  });
  Tensor two = t.clone();
  two.mutable_host()[9] = inf;
  EXPECT_EQ(facts_of(two).infinities, 1);
  EXPECT_EQ(facts_of(two).maximum, inf);
  EXPECT_EQ(facts_of(Tensor::full({5}, std::nanf(""))).maximum, 0.0f);
  EXPECT_EQ(facts_of(Tensor()).elements, 0);
}

TEST(TensorHash, FactsAreTheSameBitsEverywhere) {
  const Tensor t = drawn(123457);
  const TensorFacts expected = facts_of(t);
  testing::everywhere({1, 2, 3, 7}, [&](const std::string& where) {
    const TensorFacts f = facts_of(t);
    EXPECT_EQ(f.mean, expected.mean) << where;
    EXPECT_EQ(f.norm, expected.norm) << where;
  });
}

TEST(TensorHash, ManyAtOnceAreEachByItself) {
  std::vector<Tensor> tensors{Tensor(), Tensor::from<double>({3}, std::vector<double>{1, 2, 3})};
  for (const std::int64_t n : {0, 1, 1023, 1024, 1025, 5000, 40, 70001, 3, 2048})
    tensors.push_back(drawn(n, static_cast<std::uint64_t>(n)));
  tensors.emplace_back();
  Hash128 expected;
  for (const Tensor& t : tensors) expected = combined(expected, hash_of(t));
  testing::everywhere({1, 2, 3, 7}, [&](const std::string& where) { EXPECT_EQ(hash_in_order(tensors), expected) << where; });
  EXPECT_EQ(hash_in_order({}), Hash128{});
}

TEST(TensorHash, OtherNumbersHaveHashesToo) {
  const std::vector<double> values{1, 2, 3};
  const Tensor d = Tensor::from<double>({3}, values);
  EXPECT_EQ(hash_of(d), hash_of_bytes(values.data(), 24));
  EXPECT_THROW(facts_of(d), DTypeError);
}

// The hash is of what lies in memory, the rest of the values.
TEST(TensorHash, Bfloat16HasFactsToo) {
  const Tensor halves = Tensor::from({4}, std::vector<float>{1.0f, -2.0f, 0.0f, 0.5f}).in_bfloat16();
  const std::vector<std::uint16_t> bits{0x3f80, 0xc000, 0, 0x3f00};
  EXPECT_EQ(hash_of(halves), hash_of_bytes(bits.data(), 8));
  const TensorFacts f = facts_of(halves);
  EXPECT_EQ(f.hash, hash_of(halves));
  EXPECT_EQ(f.minimum, -2.0f);
  EXPECT_EQ(f.maximum, 1.0f);
  EXPECT_EQ(f.zeros, 1);
  EXPECT_EQ(f.elements, 4);
}

}  // namespace
}  // namespace vitrine
