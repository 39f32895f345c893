#include "train/schedule.h"

#include <gtest/gtest.h>

#include "audit/parity.h"
#include "base/error.h"
#include "tests/reference_files.h"

namespace vitrine::testing {
namespace {

TEST(ScheduleGolden, OneCycleAgreesWithPyTorch) {
  VITRINE_REFERENCE_FILE(path, "schedules.json");
  const ParityRow row = schedule_parity(path);
  EXPECT_TRUE(row.within()) << row.error << ", limit " << row.limit;
}

TEST(Schedule, ShortRunsStayInRange) {
  for (int total = 1; total < 12; ++total) {
    OneCycle schedule;
    schedule.total_steps = total;
    for (int step = 0; step < total; ++step) {
      EXPECT_GT(schedule.lr(step), 0) << step << " of " << total;
      EXPECT_LE(schedule.lr(step), schedule.max_lr * (1 + 1e-12)) << step << " of " << total;
      EXPECT_GE(schedule.momentum(step), 0.85 - 1e-12);
      EXPECT_LE(schedule.momentum(step), 0.95 + 1e-12);
    }
    EXPECT_THROW(schedule.lr(total), UsageError);
  }
}

}  // namespace
}  // namespace vitrine::testing
