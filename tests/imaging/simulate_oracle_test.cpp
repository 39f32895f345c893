// The best rule that knows the truth: against drawn lesions, and what each series can show of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "imaging/simulator/anatomy.h"
#include "imaging/simulator/oracle.h"
#include "imaging/simulator/signal.h"

namespace vitrine::imaging {
namespace {

constexpr SeenSeries kAll{true, true, true}, kT1c{true, false, false}, kFlair{false, true, false}, kT2{false, false, true};

CohortSize paper_size() { return {{44, 25}, {61, 41}}; }

// Scores of lesions as they are drawn, clamped, and so as images show them.
double drawn_auc(const SeenSeries& seen, double signal, std::uint32_t per_class) {
  std::vector<double> nsclc, sclc;
  for (std::uint32_t i = 0; i < per_class; ++i) {
    nsclc.push_back(lesion_log_ratio(draw_latents(9, 2 * i + 1, 0, false, signal), seen, signal));
    sclc.push_back(lesion_log_ratio(draw_latents(9, 2 * i + 2, 0, true, signal), seen, signal));
  }
  return sample_auc(nsclc, sclc);
}

TEST(Oracle, TheExpectedAucIsThatOfManyDrawnLesions) {
  constexpr std::uint32_t kPerClass = 40000;  // a standard error of 0.0015 at an AUC of 0.68, 0.0008 at 0.95
  for (const double signal : {0.1, 0.25, 0.3502, 0.5}) {
    for (const SeenSeries& seen : {kAll, kT1c, kFlair})
      EXPECT_NEAR(drawn_auc(seen, signal, kPerClass), population_auc(OracleLevel::lesion, seen, paper_size(), signal), 0.006)
          << signal;
  }
}

TEST(Oracle, MoreSeriesAndMoreSignalAreMore) {
  for (const OracleLevel level : kOracleLevels) {
    double before = 0.5;
    for (const SeenSeries& seen : {kAll, kT1c, kFlair, kT2}) EXPECT_EQ(population_auc(level, seen, paper_size(), 0), 0.5);
    for (double signal = 0.05; signal < 1; signal += 0.05) {
      const double all = population_auc(level, kAll, paper_size(), signal);
      EXPECT_GT(all, before) << signal;
      before = all;
      for (const SeenSeries& seen : {kT1c, kFlair, kT2}) EXPECT_GT(all, population_auc(level, seen, paper_size(), signal));
    }
  }
}

// Many cohorts of the paper's size: the drawn AUC of each level lies around the expected one.
TEST(Oracle, CohortsLieAroundTheExpectation) {
  SimulateOptions o;
  o.patients = 69;
  o.sclc = 25;
  o.lesions = {61, 41};
  o.signal = 0.25;
  constexpr int kCohorts = 60;
  for (const OracleLevel level : kOracleLevels) {
    double sum = 0;
    for (int seed = 1; seed <= kCohorts; ++seed) {
      o.seed = static_cast<std::uint64_t>(seed);
      const Json oracle = oracle_json(o, plan_cohort(o));
      sum += oracle.at("cohort").at(name_of(level)).at("t1c+flair+t2").get<double>();
    }
    // A cohort's AUC has a standard deviation of about 0.035.
    EXPECT_NEAR(sum / kCohorts, population_auc(level, kAll, size_of(o), o.signal), 4 * 0.035 / std::sqrt(kCohorts));
  }
}

TEST(Oracle, ADifficultyFindsItsDial) {
  for (const OracleLevel level : kOracleLevels) {
    EXPECT_EQ(signal_for(0.5, level, paper_size()), 0);
    const double lowest = signal_for(0.501, level, paper_size());
    EXPECT_NEAR(population_auc(level, kAll, paper_size(), lowest), 0.501, 0.0015);
    for (const double auc : {0.51, 0.6, 0.8, 0.95, 0.999})
      EXPECT_NEAR(population_auc(level, kAll, paper_size(), signal_for(auc, level, paper_size())), auc, 0.001);
    for (const double auc : {0.4999, 1.0, 2.0, -1.0, std::nan("")})
      EXPECT_THROW(signal_for(auc, level, paper_size()), UsageError) << auc;
  }
  EXPECT_NEAR(drawn_auc(kAll, signal_for(0.95, OracleLevel::slice, paper_size()), 40000), 0.95, 0.01);
  EXPECT_THROW(oracle_level_named("pixel"), UsageError);
}

TEST(Oracle, TiesCountHalf) {
  EXPECT_EQ(sample_auc({1, 2}, {2, 3}), 0.875);
  EXPECT_EQ(sample_auc({1, 1}, {1}), 0.5);
  EXPECT_EQ(sample_auc({}, {1}), 0.5);
}

// How far the signal of some point of a lesion moves, of white matter, when a latent moves by `by`.
double largest_change(Series series, Latent latent, double by) {
  Lesion lesion;
  for (std::size_t w = 0; w < 5; ++w) {
    lesion.wave[w] = {std::cos(2.0 * static_cast<double>(w)), std::sin(2.0 * static_cast<double>(w)), 0.3};
    lesion.phase[w] = 1.3 * static_cast<double>(w);
  }
  Lesion moved = lesion;
  LesionLatents& l = moved.latents;
  switch (latent) {
    case Latent::log_radius: l.radius_mm *= std::exp(by); break;
    case Latent::core_fraction: l.core_fraction += by; break;
    case Latent::irregularity: l.irregularity += by; break;
    case Latent::gadolinium: l.gadolinium_mM += by; break;
    case Latent::texture: l.texture += by; break;
    case Latent::t2: l.t2_ms -= by; break;  // above 95 ms the table is flat
    case Latent::oedema: l.oedema += by; break;
  }
  TissueBytes white{};
  white[white_matter] = white[intracranial] = white[brain] = 255;
  double largest = 0;
  for (double x = -30; x <= 30; x += 0.5) {
    for (double y = -30; y <= 30; y += 0.5)
      largest = std::max(
          largest, std::abs(signal_at(series, white, {moved}, {x, y, 0}) - signal_at(series, white, {lesion}, {x, y, 0})));
  }
  return largest;
}

TEST(Oracle, ASeriesShowsWhatMovesItsSignals) {
  constexpr double kLargestNoise = 0.04;  // of a series without scan options
  for (const Series series : {Series::t1c, Series::flair, Series::t2}) {
    for (const Latent latent : kLatents) {
      const double change = largest_change(series, latent, latent_model(latent).deviation);
      if (shows(series, latent)) {
        EXPECT_GT(change, kLargestNoise) << static_cast<int>(series) << ' ' << name_of(latent);
      } else {
        EXPECT_EQ(change, 0) << static_cast<int>(series) << ' ' << name_of(latent);
      }
    }
  }
}

// The equations of T1c move with the T1 and the density that go with a T2, less than gadolinium does by itself.
TEST(Oracle, InTheEquationsOfT1cGadoliniumHidesT2) {
  const double mM = latent_model(Latent::gadolinium).sclc, deviation = latent_model(Latent::t2).deviation;
  for (const char* family : {"spgr", "mprage"}) {
    const Sequence sequence = t1c_sequence(family);
    const auto signal = [&](double t2, double c) { return relative_signal(sequence, with_gadolinium(solid_tumour(t2), c)); };
    const double by_t2 = std::abs(signal(88 + deviation, mM) - signal(88, mM));
    EXPECT_LT(by_t2, std::abs(signal(88, mM + 0.06) - signal(88, mM))) << family;
  }
}

TEST(Oracle, AScannerThatTellsTheClassHasAnAucOfItsOwn) {
  SimulateOptions o;
  o.patients = 4000;
  o.signal = 0;
  for (const auto& [sites, kappa] : std::vector<std::pair<int, double>>{{0, 0.0}, {5, 0.0}, {2, 1.0}, {5, 0.6}, {101, 0.3}}) {
    o.scan.sites = sites;
    o.scan.kappa = kappa;
    EXPECT_EQ(site_auc(o.scan), 0.5 + kappa / 2);
    const Json oracle = oracle_json(o, plan_cohort(o));
    ASSERT_EQ(oracle.contains("site"), sites > 0);
    if (sites == 0) continue;
    EXPECT_NEAR(oracle.at("site").at("cohort").get<double>(), site_auc(o.scan), 0.035);
    EXPECT_EQ(oracle.at("population").at("subject").at("t1c"), 0.5);
  }
}

}  // namespace
}  // namespace vitrine::imaging
