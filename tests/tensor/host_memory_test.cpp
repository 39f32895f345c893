#include "tensor/host_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensor/storage.h"
#include "tensor/tensor.h"

namespace vitrine::testing {
namespace {

struct Block {
  char* data;
  std::size_t bytes;
};

// Of every size: below a page, within a region, of huge pages.
std::vector<Block> taken(HostMemory& memory) {
  std::vector<Block> blocks;
  for (int round = 0; round < 5; ++round) {
    for (const std::size_t bytes : {256u, 4096u, 5120u, 65536u, 1u << 20, 1835008u, 2u << 20, 3u << 20}) {
      blocks.push_back({memory.take(bytes), bytes});
      std::memset(blocks.back().data, static_cast<int>(blocks.size()), bytes);
    }
  }
  return blocks;
}

void expect_untouched(const std::vector<Block>& blocks) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].data == nullptr) continue;
    const auto is_kept = [&](char c) { return c == static_cast<char>(i + 1); };
    EXPECT_TRUE(std::all_of(blocks[i].data, blocks[i].data + blocks[i].bytes, is_kept)) << i;
  }
}

TEST(HostMemory, BlocksAreAlignedAndApart) {
  HostMemory memory;
  std::vector<Block> blocks = taken(memory);
  expect_untouched(blocks);
  for (const Block& b : blocks) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data) % 64, 0u);
  std::ranges::sort(blocks, {}, &Block::data);
  for (std::size_t i = 1; i < blocks.size(); ++i) EXPECT_GE(blocks[i].data, blocks[i - 1].data + blocks[i - 1].bytes);
  memory.forget_unused();
  for (const Block& b : blocks) memory.is_unused(b.data);
  for (const Block& b : blocks) EXPECT_TRUE(memory.give_back(b.data, b.bytes)) << b.bytes;
}

// A block whose neighbours are in use stays, can be written again, and goes when they do.
TEST(HostMemory, WhatHasNeighboursInUseStays) {
  HostMemory memory;
  std::vector<Block> blocks = taken(memory);
  const auto give_back = [&](std::size_t first) {
    memory.forget_unused();
    for (std::size_t i = first; i < blocks.size(); i += 2) {
      if (blocks[i].data != nullptr) memory.is_unused(blocks[i].data);
    }
    std::int64_t kept = 0;
    for (std::size_t i = first; i < blocks.size(); i += 2) {
      if (blocks[i].data == nullptr) continue;
      if (memory.give_back(blocks[i].data, blocks[i].bytes)) {
        blocks[i].data = nullptr;
      } else {
        std::memset(blocks[i].data, static_cast<int>(i + 1), blocks[i].bytes);
        ++kept;
      }
    }
    return kept;
  };
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(give_back(0), 10) << "of every two, those of a region that the other half uses";
    expect_untouched(blocks);
  }
  give_back(1);
  memory.forget_unused();
  for (const Block& b : blocks) {
    if (b.data != nullptr) memory.is_unused(b.data);
  }
  for (const Block& b : blocks) {
    if (b.data == nullptr) continue;
    EXPECT_TRUE(memory.give_back(b.data, b.bytes));
  }
}

TEST(HostMemory, StorageGivesBackWhatNobodyUses) {
  const Tensor held = Tensor::full({300, 100}, 3.0f);
  { const Tensor dropped = Tensor::full({400, 100}, 4.0f); }
  release_cached_storage();
  EXPECT_TRUE(std::ranges::all_of(held.host(), [](float v) { return v == 3.0f; }));
  const Tensor next = Tensor::full({400, 100}, 5.0f);
  EXPECT_TRUE(std::ranges::all_of(held.host(), [](float v) { return v == 3.0f; }));
  EXPECT_TRUE(std::ranges::all_of(next.host(), [](float v) { return v == 5.0f; }));
}

}  // namespace
}  // namespace vitrine::testing
