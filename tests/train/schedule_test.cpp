#include "train/schedule.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/reference_files.h"

namespace vitrine::testing {
namespace {

TEST(ScheduleGolden, OneCycleAgreesWithPyTorch) {
  VITRINE_REFERENCE_FILE(path, "schedules.json");
  const Json row = parse_json(read_file(path, 1u << 20)).at("fastai_one_cycle");
  OneCycle schedule;
  schedule.total_steps = row.at("total_steps").get<int>();
  const auto lr = row.at("lr").get<std::vector<double>>(), momentum = row.at("momentum").get<std::vector<double>>();
  for (int step = 0; step < schedule.total_steps; ++step) {
    EXPECT_NEAR(schedule.lr(step), lr[static_cast<std::size_t>(step)], 1e-12 * schedule.max_lr) << step;
    EXPECT_NEAR(schedule.momentum(step), momentum[static_cast<std::size_t>(step)], 1e-12) << step;
  }
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
