// The table of rho: values that are rounded apart from those that are exact, the slots of a batch together.
#include "audit/rho_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/audit/temporary_folder.h"
#include "tests/audit/written_audit.h"

namespace vitrine::testing {
namespace {

using audit::Phase;
using audit::RhoRow;

TEST(RhoTable, KeepsRoundedValuesApartFromExactOnes) {
  const TemporaryFolder folder;
  const auto records = [](std::uint64_t step) {
    std::vector<Written> all{{Phase::forward, "a/conv2d", "y", 0.25 * static_cast<double>(step + 1)},
                             {Phase::forward, "b/conv2d#1", "y", 0.125},
                             {Phase::forward, "b/conv2d#1", "unseen", -1},
                             {Phase::backward, "a/conv2d", "gradients returned", 0},
                             {Phase::gradient, "a.weight", "sum of gradients", 0},
                             {Phase::update, "a.weight", "value", 0.5},
                             {Phase::data, "batch", "samples", 0},
                             {Phase::data, "batch/slot 0", "image", 0},
                             {Phase::data, "batch/slot 1", "image", 0}};
    return all;
  };
  const audit::RhoTable table =
      audit::rho_table({write_audit(folder.path(), 5, records, [](std::uint64_t) { return std::string(); })});
  const auto row = [&](const std::string& op, const std::string& tensor) {
    for (const RhoRow& r : table.rows) {
      if (r.op == op && r.tensor == tensor) return r;
    }
    ADD_FAILURE() << op << " " << tensor << " is not in the table";
    return RhoRow{};
  };
  EXPECT_EQ(table.rows.size(), 6u);
  EXPECT_EQ(table.records, 45u);
  EXPECT_EQ(table.all.records, 40u);
  const RhoRow y = row("conv2d", "y");
  EXPECT_EQ(y.records, 10u);
  EXPECT_EQ(y.above, 1u) << "the last step's 1.25";
  EXPECT_EQ(y.worst, 1.25);
  EXPECT_EQ(row("slot", "image").records, 10u);
  EXPECT_EQ(row("batch", "samples").records, 5u);
  EXPECT_EQ(row("parameter", "sum of gradients").worst, 0);
  // Of ten medians (halves of rho: five of 0.0625, then 0.125, 0.25, ...) the sixth; zeros of exact rows would pull it to 0.
  EXPECT_EQ(table.ops.records, 10u);
  EXPECT_EQ(table.ops.median, 0.125);
  EXPECT_EQ(table.updates.records, 5u);
  EXPECT_EQ(table.updates.median, 0.25);
  EXPECT_EQ(table.all.median, 0);
}

}  // namespace
}  // namespace vitrine::testing
