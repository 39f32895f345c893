#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

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

// fast.ai 1: callbacks are stepped after each batch, so step k has the value after k of int(0.3 T) steps, worked by hand for T = 10.
TEST(Schedule, FastaiOneCountsWholeSteps) {
  const Schedule s{ScheduleKind::one_cycle_v1, 1.0, 10};
  const auto between = [](double from, double to, double share) {
    return to + (from - to) / 2 * (std::cos(std::numbers::pi * share) + 1);
  };
  EXPECT_NEAR(s.lr(0), 0.04, 1e-15);
  EXPECT_NEAR(s.lr(1), between(0.04, 1, 1.0 / 3), 1e-15);
  EXPECT_NEAR(s.lr(3), 1, 1e-15);
  EXPECT_NEAR(s.lr(4), between(1, 4e-6, 1.0 / 7), 1e-15);
  EXPECT_NEAR(s.lr(9), between(1, 4e-6, 6.0 / 7), 1e-15);
  EXPECT_NEAR(s.momentum(0), 0.95, 1e-15);
  EXPECT_NEAR(s.momentum(3), 0.85, 1e-15);
  EXPECT_NEAR(s.momentum(9), between(0.85, 0.95, 6.0 / 7), 1e-15);
}

// fast.ai 2: step k has the value at the share k / T of the run.
TEST(Schedule, FastaiTwoTakesTheShareBeforeTheStep) {
  const Schedule s{ScheduleKind::one_cycle_v2, 2.0, 8};
  const auto between = [](double from, double to, double share) {
    return from + (1 + std::cos(std::numbers::pi * (1 - share))) * (to - from) / 2;
  };
  EXPECT_NEAR(s.lr(0), 0.08, 1e-15);
  EXPECT_NEAR(s.lr(1), between(0.08, 2, 0.5), 1e-15);
  EXPECT_NEAR(s.lr(2), 2, 1e-15);
  EXPECT_NEAR(s.lr(5), between(2, 2e-5, 0.5), 1e-15);
  EXPECT_NEAR(s.lr(7), between(2, 2e-5, 5.0 / 6), 1e-15);
  EXPECT_NEAR(s.momentum(1), 0.9, 1e-15);
  EXPECT_NEAR(s.momentum(2), 0.85, 1e-15);
}

TEST(Schedule, FlatOnesAndCosineByHand) {
  const Schedule flat{ScheduleKind::flat, 0.5, 4}, cosine{ScheduleKind::cosine, 0.5, 4},
      late{ScheduleKind::flat_cosine, 0.5, 8};
  EXPECT_EQ(flat.lr(0), 0.5);
  EXPECT_EQ(flat.lr(3), 0.5);
  EXPECT_EQ(flat.momentum(2), -1);
  EXPECT_NEAR(cosine.lr(0), 0.5, 1e-15);
  EXPECT_NEAR(cosine.lr(2), 0.25, 1e-15);
  EXPECT_NEAR(cosine.lr(3), 0.5 * (1 + std::cos(0.75 * std::numbers::pi)) / 2, 1e-15);
  EXPECT_EQ(late.lr(5), 0.5);
  EXPECT_NEAR(late.lr(6), 0.5, 1e-15);
  EXPECT_NEAR(late.lr(7), (0.5 + 0.5e-5) / 2, 1e-15);
  EXPECT_EQ(late.momentum(7), -1);
  EXPECT_THROW(late.lr(8), UsageError);
}

TEST(Schedule, ShortRunsOfEveryKindStayInRange) {
  for (const std::string& name : schedule_names()) {
    for (int total = 1; total < 12; ++total) {
      const Schedule s{schedule_from_name(name), 1e-3, total};
      for (int step = 0; step < total; ++step) {
        EXPECT_GT(s.lr(step), 0) << name << " " << step << " of " << total;
        EXPECT_LE(s.lr(step), 1e-3 * (1 + 1e-12)) << name << " " << step << " of " << total;
      }
    }
  }
}

}  // namespace
}  // namespace vitrine::testing
