// Cohorts of a given size: who is in them, patients at a time, and what is refused.
#include <gmock/gmock.h>

#include <array>
#include <cmath>

#include "base/lock.h"
#include "imaging/simulator/cohort_plan.h"
#include "prepared_cohort.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

SimulateOptions paper(std::uint64_t seed, double signal) {
  SimulateOptions o;
  o.patients = 69;
  o.sclc = 25;
  o.lesions = {61, 41};
  o.seed = seed;
  o.signal = signal;
  return o;
}

struct Found {
  std::array<int, 2> patients{}, lesions{};
};
Found count(const std::vector<PlannedPatient>& plan) {
  Found found;
  for (const PlannedPatient& p : plan) {
    const std::size_t c = p.label == "SCLC" ? 1 : 0;
    EXPECT_GE(p.lesions, 1);
    EXPECT_LE(p.lesions, kMostLesionsOfPatient);
    ++found.patients[c];
    found.lesions[c] += p.lesions;
  }
  return found;
}

TEST(CohortPlan, ThePapersCohortHasItsCountsWhateverTheSeed) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Found full = count(plan_cohort(paper(seed, 1)));
    EXPECT_EQ(full.patients, (std::array<int, 2>{44, 25}));
    EXPECT_EQ(full.lesions, (std::array<int, 2>{61, 41}));
    for (const double signal : {0.0, 0.35, 2.0}) {
      const Found found = count(plan_cohort(paper(seed, signal)));
      EXPECT_EQ(found.patients, (std::array<int, 2>{44, 25}));
      EXPECT_EQ(found.lesions[0] + found.lesions[1], 102) << signal;
    }
  }
}

TEST(CohortPlan, SharesAreThoseOfTheDraws) {
  constexpr int kSeeds = 400;
  for (const double signal : {0.0, 0.35, 1.0}) {
    CountShares found{};
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      for (const PlannedPatient& p : plan_cohort(paper(seed, signal)))
        found[p.label == "SCLC" ? 1 : 0][static_cast<std::size_t>(p.lesions - 1)] += 1;
    }
    const CohortSize size = size_of(paper(1, signal));
    const CountShares expected = count_shares(size, signal);
    for (std::size_t c = 0; c < 2; ++c) {
      const double n = kSeeds * static_cast<double>(size.patients[c]);
      double sum = 0;
      for (std::size_t x = 0; x < expected[c].size(); ++x) {
        sum += expected[c][x];
        // Four standard errors of as many patients; those of one cohort are not independent, but nearly.
        EXPECT_NEAR(found[c][x] / n, expected[c][x], 4 * std::sqrt(expected[c][x] * (1 - expected[c][x]) / n) + 1e-6) << signal;
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
    if (signal == 0) {
      EXPECT_EQ(expected[0], expected[1]);
    } else {
      EXPECT_GT(expected[0][0], expected[1][0]);  // one lesion alone is commoner in NSCLC
    }
  }
}

// A deal that sees labels at signal 0 would give each class a sum of its own, the same in every cohort.
TEST(CohortPlan, AtSignalZeroTheDealDoesNotSeeLabels) {
  std::set<int> sums;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) sums.insert(count(plan_cohort(paper(seed, 0))).lesions[1]);
  EXPECT_GT(sums.size(), 5u);
}

TEST(CohortPlan, WithoutASizeItIsTheUsualOne) {
  SimulateOptions o;
  for (const auto& [patients, sclc] : std::vector<std::pair<int, int>>{{2, 1}, {12, 6}, {20, 8}, {69, 28}}) {
    o.patients = patients;
    EXPECT_EQ(count(plan_cohort(o)).patients[1], sclc) << patients;
  }
}

class SimulatedSize : public PreparedCohort {
 protected:
  void simulate(SimulateOptions o, const std::string& name) const {
    o.anatomy = "procedural";
    o.spacing_mm = 4;
    Progress quiet(true);
    simulate_cohort(folder / name, o, quiet);
  }
  std::string refused(const SimulateOptions& o) const {
    try {
      simulate(o, "refused");
    } catch (const UsageError& error) {
      EXPECT_FALSE(path_exists(folder / "refused"));
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(SimulatedSize, PatientsAtATimeChangeNoByte) {
  SimulateOptions o;
  o.patients = 3;
  o.sclc = 1;
  o.lesions = {3, 3};
  o.scan.sites = 3;
  o.scan.in_plane_mm = {3, 3, true};
  for (const int jobs : {1, 2, 3}) {
    o.jobs = jobs;
    simulate(o, std::to_string(jobs));
  }
  const auto one = files("1");
  EXPECT_EQ(one.size(), 3u * 5 + 2);  // volumes and truth, and cohort.csv and simulation.json
  EXPECT_EQ(files("2"), one);
  EXPECT_EQ(files("3"), one);
  const Json simulation = parse_json(read_file(folder / "1" / "simulation.json", kAnySize));
  EXPECT_EQ(simulation.at("lesions").at("sclc"), 3);
  EXPECT_EQ(simulation.at("oracle").at("site").at("population"), 0.5);
}

// What follows from the options may be put otherwise by another version; the cohort is the same.
TEST_F(SimulatedSize, ASimulationOfAnEarlierVersionIsGoneOnWith) {
  SimulateOptions o;
  o.patients = 2;
  simulate(o, "cohort");
  const auto before = files("cohort");
  Json simulation = parse_json(read_file(folder / "cohort" / "simulation.json", kAnySize));
  simulation.erase("oracle");
  write_file(folder / "cohort" / "simulation.json", json_text(simulation));
  simulate(o, "cohort");
  EXPECT_EQ(files("cohort"), before);
  write_file(folder / "cohort" / "simulation.json", "{");
  EXPECT_THROW(simulate(o, "cohort"), UsageError);
}

TEST_F(SimulatedSize, RefusesSizesOutOfRangeBeforeTheFirstFile) {
  SimulateOptions o = paper(1, 1);
  o.sclc = 69;
  EXPECT_THAT(refused(o), HasSubstr("--sclc is 69, expected 1 to 68"));
  o = paper(1, 1);
  o.lesions = {43, 41};
  EXPECT_THAT(refused(o), HasSubstr("--lesions is 43:41, expected 44 to 176"));
  o.lesions = {61, 101};
  EXPECT_THAT(refused(o), HasSubstr("expected 25 to 100"));
  o.lesions = {61, 0};
  EXPECT_THAT(refused(o), HasSubstr("--lesions"));
  o = paper(1, 1);
  for (const int jobs : {0, 257}) {
    o.jobs = jobs;
    EXPECT_THAT(refused(o), HasSubstr("expected 1 to 256"));
  }
}

}  // namespace
}  // namespace vitrine::imaging
