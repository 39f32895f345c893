// That nodes show all they hold (Node::visit). A tensor that a node holds and does not show is found by its memory: whoever keeps all that was
// shown keeps all that the tape held, so the end of the tape frees nothing.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tape.h"
#include "tensor/storage.h"

namespace vitrine::testing {

struct SavedTensor {
  std::string op, name;
  Tensor tensor;
};

// Keeps what every node shows as it is recorded.
class SavedTensors final : public TapeObserver {
 public:
  void recorded(const TapeEntry& entry, const Tensor&) override {
    if (entry.node == nullptr) return;
    ++ops;
    Keep keep(*this, std::string(entry.name()));
    entry.node->visit(keep);
  }

  int ops = 0;
  std::vector<SavedTensor> tensors;

 private:
  class Keep final : public SavedVisitor {
   public:
    Keep(SavedTensors& all, std::string op) : all_(all), op_(std::move(op)) {}

   private:
    void see(std::string_view name, const Tensor& tensor) override {
      EXPECT_FALSE(name.empty()) << op_;
      EXPECT_TRUE(names_.emplace(name).second) << op_ << " shows two members named " << name;
      all_.tensors.push_back({op_, std::string(name), tensor});
    }
    void see(std::string_view name, double) override {
      EXPECT_TRUE(names_.emplace(name).second) << op_ << " shows two members named " << name;
    }

    SavedTensors& all_;
    std::string op_;
    std::set<std::string> names_;
  };
};

// `record(tape)` makes its own inputs, records ops on the tape and keeps nothing. Bytes that the nodes hold and do not show.
template <class Record>
std::uint64_t bytes_held_and_not_shown(Record record, SavedTensors* shown = nullptr, Device device = {}) {
  SavedTensors all;
  auto tape = std::make_unique<Tape>();
  tape->observe(&all);
  record(*tape);
  EXPECT_GT(all.ops, 0) << "nothing was recorded";
  for (const SavedTensor& t : all.tensors)
    EXPECT_FALSE(t.tensor.is_sole_owner()) << t.op << " does not hold the " << t.name << " that it shows";
  const std::uint64_t before = storage_statistics(device).live_bytes;
  tape.reset();
  const std::uint64_t freed = before - storage_statistics(device).live_bytes;
  if (shown != nullptr) *shown = std::move(all);
  return freed;
}

template <class Record>
void expect_nodes_show_what_they_hold(Record record, Device device = {}) {
  SavedTensors shown;
  const std::uint64_t hidden = bytes_held_and_not_shown(record, &shown, device);
  std::string names;
  for (const SavedTensor& t : shown.tensors) names += " " + t.op + "." + t.name;
  EXPECT_EQ(hidden, 0u) << "bytes are held beside what is shown:" << names;
}

}  // namespace vitrine::testing
