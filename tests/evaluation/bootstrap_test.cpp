// The bootstrap against what can be enumerated, and against the coverage that it promises.
#include "evaluation/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "base/error.h"
#include "evaluation/metrics.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace vitrine::testing {
namespace {

Clusters one_each(std::size_t count) {
  Clusters clusters;
  for (std::size_t i = 0; i < count; ++i) clusters.push_back({i});
  return clusters;
}

using Statistic = std::function<std::vector<Figure>(std::span<const std::size_t>)>;

Statistic mean_of(const std::vector<double>& values) {
  return [&values](std::span<const std::size_t> units) {
    double sum = 0;
    for (const std::size_t i : units) sum += values[i];
    return std::vector<Figure>{units.empty() ? Figure::none("none") : Figure::of(sum / static_cast<double>(units.size()))};
  };
}

Statistic auc_of(const std::vector<int>& is_positive, const std::vector<double>& score) {
  return [&](std::span<const std::size_t> units) {
    std::vector<int> p;
    std::vector<double> s;
    for (const std::size_t i : units) {
      p.push_back(is_positive[i]);
      s.push_back(score[i]);
    }
    const std::optional<double> auc = roc_auc(p, s);
    return std::vector<Figure>{auc ? Figure::of(*auc) : Figure::none("one class")};
  };
}

// One of four subjects is a hit: a replicate has k hits with the binomial probability of 4 draws at 1/4, so P(k = 0) = 0.316, P(k >= 3) = 0.051 and
// P(k = 4) = 0.004: the quantiles at 0.025 and 0.975 are 0 and 3/4.
TEST(Bootstrap, FourSubjectsEnumerated) {
  const std::vector<double> values{1, 0, 0, 0};
  const Interval interval = bootstrap(one_each(4), {}, mean_of(values))[0];
  EXPECT_EQ(interval.low, 0.0);
  EXPECT_EQ(interval.high, 0.75);
  EXPECT_EQ(interval.left_out, 0);
  std::map<int, int> hits;
  constexpr int kReplicates = 20000;
  for (int r = 0; r < kReplicates; ++r) {
    int k = 0;
    for (const std::size_t unit : bootstrap_replicate(one_each(4), 42, r)) k += unit == 0 ? 1 : 0;
    ++hits[k];
  }
  const double choose[] = {1, 4, 6, 4, 1};
  for (int k = 0; k <= 4; ++k) {
    const double p = choose[k] * std::pow(0.25, k) * std::pow(0.75, 4 - k);
    EXPECT_NEAR(hits[k], kReplicates * p, 4 * std::sqrt(kReplicates * p * (1 - p))) << k;
  }
}

// A positive and a negative subject: the AUC exists when both are drawn, in half of all replicates, and is 1 there.
TEST(Bootstrap, ReplicatesWithoutTheFigureAreLeftOutAndCounted) {
  const std::vector<int> is_positive{1, 0, 0};
  const std::vector<double> score{0.9, 0.1, 0.2};
  int undefined = 0;
  for (int r = 0; r < 2000; ++r) {
    const std::vector<std::size_t> drawn = bootstrap_replicate({{0}, {1, 2}}, 7, r);
    undefined += std::count(drawn.begin(), drawn.end(), 0u) != 1 ? 1 : 0;
  }
  EXPECT_NEAR(undefined, 1000, 4 * std::sqrt(500));
  const Interval interval = bootstrap({{0}, {1, 2}}, {2000, 7}, auc_of(is_positive, score))[0];
  EXPECT_EQ(interval.left_out, undefined);
  EXPECT_EQ(interval.low, std::nullopt);
  EXPECT_FALSE(interval.why.empty());
  // Of four subjects one is positive: it is missing in (3/4)^4 = 0.316 of the replicates.
  const std::vector<int> one_of_four{1, 0, 0, 0};
  const std::vector<double> scores{0.5, 0.1, 0.6, 0.7};
  const Interval wide = bootstrap(one_each(4), {}, auc_of(one_of_four, scores))[0];
  EXPECT_NEAR(wide.left_out, 2000 * (0.3164 + 0.0039), 4 * std::sqrt(2000 * 0.32 * 0.68));
  EXPECT_EQ(wide.low, 0.0);
  EXPECT_EQ(wide.high, 1.0);
}

TEST(Bootstrap, ASubjectComesWithAllItsUnits) {
  const Clusters clusters{{0, 1, 2}, {3}, {4, 5}};
  for (int r = 0; r < 200; ++r) {
    std::map<std::size_t, int> times;
    for (const std::size_t unit : bootstrap_replicate(clusters, 1, r)) ++times[unit];
    EXPECT_EQ(times[0], times[1]);
    EXPECT_EQ(times[0], times[2]);
    EXPECT_EQ(times[4], times[5]);
    EXPECT_EQ(times[0] + times[3] + times[4], 3);
  }
}

TEST(Bootstrap, QuantilesAreInterpolated) {
  const std::vector<double> values{1, 2, 4, 8};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 1), 8);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 3);    // numpy.quantile's default
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 6.8);  // place 2.7
}

// Six subjects without an error: the interval from 1 to 1 would say that there is none.
TEST(Bootstrap, ReplicatesThatAgreeMakeNoInterval) {
  const std::vector<double> values{1, 1, 1, 1, 1, 1};
  const Interval interval = bootstrap(one_each(6), {}, mean_of(values))[0];
  EXPECT_EQ(interval.low, std::nullopt);
  EXPECT_EQ(interval.high, std::nullopt);
  EXPECT_EQ(interval.left_out, 0);
  EXPECT_EQ(interval.why, "the replicates agree, which says nothing of other subjects");
}

TEST(Bootstrap, WhatCannotBeSampledSaysWhy) {
  const std::vector<double> values{1};
  EXPECT_EQ(bootstrap({{0}}, {}, mean_of(values))[0].why, "there is one subject, two are needed");
  EXPECT_EQ(bootstrap({}, {}, mean_of(values))[0].why, "there is no subject, two are needed");
  EXPECT_THROW(bootstrap(one_each(1), {99, 1}, mean_of(values)), UsageError);
  EXPECT_THROW(bootstrap(one_each(1), {100001, 1}, mean_of(values)), UsageError);
}

TEST(Bootstrap, ThreadsChangeNoBit) {
  std::vector<double> values;
  for (std::uint32_t i = 0; i < 50; ++i) values.push_back(Draw{.seed = 2}.uniform(i));
  const int threads = thread_count();
  std::vector<Interval> found;
  for (const int n : {1, 3, 8}) {
    set_thread_count(n);
    found.push_back(bootstrap(one_each(50), {1000, 9}, mean_of(values))[0]);
  }
  set_thread_count(threads);
  for (const Interval& interval : found) {
    EXPECT_EQ(interval.low, found[0].low);
    EXPECT_EQ(interval.high, found[0].high);
  }
  EXPECT_NE(bootstrap(one_each(50), {1000, 10}, mean_of(values))[0].low, found[0].low) << "the seed matters";
}

struct Coverage {  // shares of cohorts
  double by_subject = 0, by_slice = 0, wider = 0;
};

// Subjects of 6 slices that are right with the probability 0.4 or 1: the true accuracy is 0.7.
Coverage coverage_of(std::uint32_t subjects) {
  constexpr int kCohorts = 300;
  constexpr std::uint32_t kSlices = 6;
  Coverage coverage;
  for (std::uint32_t cohort = 0; cohort < kCohorts; ++cohort) {
    std::vector<double> right;
    Clusters clusters(subjects);
    for (std::uint32_t s = 0; s < subjects; ++s) {
      const Draw draw{.seed = 31, .epoch = cohort, .sample = s};
      const double p = draw.below(0, 2) == 0 ? 0.4 : 1.0;
      for (std::uint32_t k = 0; k < kSlices; ++k) {
        clusters[s].push_back(right.size());
        right.push_back(draw.uniform(1 + k) < p ? 1 : 0);
      }
    }
    const Interval a = bootstrap(clusters, {200, cohort}, mean_of(right))[0];
    const Interval b = bootstrap(one_each(right.size()), {200, cohort}, mean_of(right))[0];
    coverage.by_subject += *a.low <= 0.7 && 0.7 <= *a.high ? 1.0 / kCohorts : 0;
    coverage.by_slice += *b.low <= 0.7 && 0.7 <= *b.high ? 1.0 / kCohorts : 0;
    coverage.wider += *a.high - *a.low > *b.high - *b.low ? 1.0 / kCohorts : 0;
  }
  return coverage;
}

TEST(Bootstrap, IntervalsOfSubjectsHoldWhatTheyPromiseAndThoseOfSlicesDoNot) {
  const Coverage forty = coverage_of(40);
  EXPECT_GE(forty.by_subject, 0.90);
  EXPECT_LE(forty.by_subject, 0.98);
  EXPECT_LE(forty.by_slice, 0.80);
  EXPECT_GE(forty.wider, 0.99);
  const Coverage seven = coverage_of(7);
  EXPECT_LE(seven.by_subject, 0.90) << "as docs/evaluation.md says of seven subjects";
  std::printf(
      "the truth lies in %.3f of the intervals of 40 subjects, %.3f of those of their slices, %.3f of those of 7 subjects\n",
      forty.by_subject, forty.by_slice, seven.by_subject);
}

// Normal scores, one deviation times 1.190 apart: the true AUC is 0.8.
TEST(Bootstrap, IntervalsOfAnAucHoldWhatTheyPromise) {
  constexpr int kCohorts = 200;
  int covered = 0;
  for (std::uint32_t cohort = 0; cohort < kCohorts; ++cohort) {
    std::vector<int> is_positive;
    std::vector<double> score;
    for (std::uint32_t i = 0; i < 60; ++i) {
      is_positive.push_back(i % 2 == 0 ? 1 : 0);
      score.push_back(Draw{.seed = 37, .epoch = cohort}.normal(i) + 1.1902 * is_positive.back());
    }
    const Interval interval = bootstrap(one_each(60), {200, cohort}, auc_of(is_positive, score))[0];
    covered += *interval.low <= 0.8 && 0.8 <= *interval.high ? 1 : 0;
  }
  EXPECT_GE(covered, 0.89 * kCohorts);
  EXPECT_LE(covered, 0.985 * kCohorts);
}

}  // namespace
}  // namespace vitrine::testing
