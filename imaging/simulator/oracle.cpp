#include "imaging/simulator/oracle.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/printable.h"
#include "data/dataset.h"
#include "tensor/math.h"

namespace vitrine::imaging {
namespace {

constexpr double kTolerance = 0.001, kHighestSignal = 2;
constexpr double kSurely = 700;  // a log ratio beyond which nothing changes

// One normal part of the distribution of a score.
struct Part {
  double weight = 0, mean = 0, variance = 0;
};
using Mixture = std::vector<Part>;

// Of figures that are recorded: six decimals are the same on every machine.
double recorded(double auc) { return std::round(auc * 1e6) / 1e6; }

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double auc_of(const Mixture& nsclc, const Mixture& sclc) {
  double sum = 0, weights = 0;
  for (const Part& s : sclc) {
    for (const Part& n : nsclc) {
      const double apart = s.mean - n.mean, deviation = std::sqrt(s.variance + n.variance);
      const double wins = deviation > 0 ? normal_cdf(apart / deviation) : apart > 0 ? 1 : apart < 0 ? 0 : 0.5;
      sum += s.weight * n.weight * wins;
      weights += s.weight * n.weight;
    }
  }
  return sum / weights;
}

double log_ratio(double of_sclc, double of_nsclc) {
  if (of_sclc == of_nsclc) return 0;
  if (of_nsclc <= 0) return kSurely;
  return of_sclc <= 0 ? -kSurely : log_portable(of_sclc / of_nsclc);
}

double place_log_ratio(bool cerebellar, double signal) {
  const double sclc = cerebellar_rate(true, signal), nsclc = cerebellar_rate(false, signal);
  return cerebellar ? log_ratio(sclc, nsclc) : log_ratio(1 - sclc, 1 - nsclc);
}

bool is_seen(const SeenSeries& seen, Latent latent) {
  for (const Series s : {Series::t1c, Series::flair, Series::t2}) {
    if (seen[static_cast<std::size_t>(s)] && shows(s, latent)) return true;
  }
  return false;
}

// The squared distance of the classes' normal latents, in deviations.
double squared_distance(const SeenSeries& seen, double signal) {
  double sum = 0;
  for (const Latent latent : kLatents) {
    const LatentModel m = latent_model(latent);
    const double apart = signal * (m.sclc - m.nsclc) / m.deviation;
    if (is_seen(seen, latent)) sum += apart * apart;
  }
  return sum;
}

double choose(int n, int k) {
  double ways = 1;
  for (int i = 0; i < k; ++i) ways = ways * (n - i) / (i + 1);
  return ways;
}

// The score of a class of subjects with 1 to 4 lesions, or of lesions (`shares`: one lesion, surely).
Mixture scores(bool is_sclc, const CountShares& shares, double distance, double signal) {
  const double rate = cerebellar_rate(is_sclc, signal), inside = place_log_ratio(true, signal),
               outside = place_log_ratio(false, signal);
  Mixture parts;
  for (int n = 1; n <= kMostLesionsOfPatient; ++n) {
    const auto place = static_cast<std::size_t>(n - 1);
    const double share = shares[is_sclc ? 1 : 0][place], of_count = log_ratio(shares[1][place], shares[0][place]);
    if (share <= 0) continue;
    for (int k = 0; k <= n; ++k) {
      double weight = share * choose(n, k);
      for (int i = 0; i < n; ++i) weight *= i < k ? rate : 1 - rate;
      const double mean = (is_sclc ? 0.5 : -0.5) * n * distance;
      parts.push_back({weight, mean + k * inside + (n - k) * outside + of_count, n * distance});
    }
  }
  return parts;
}

struct Scores {
  std::vector<double> nsclc, sclc;
  std::vector<double>& of(bool is_sclc) { return is_sclc ? sclc : nsclc; }
};

// AUC of the drawn patients.
double cohort_auc(OracleLevel level, const SeenSeries& seen, const SimulateOptions& options,
                  const std::vector<PlannedPatient>& patients) {
  const CountShares shares = count_shares(size_of(options), options.signal);
  Scores all;
  for (std::size_t i = 0; i < patients.size(); ++i) {
    const bool is_sclc = patients[i].label == "SCLC";
    const auto place = static_cast<std::size_t>(patients[i].lesions - 1);
    double sum = log_ratio(shares[1][place], shares[0][place]);
    for (int l = 0; l < patients[i].lesions; ++l) {
      const LesionLatents latents =
          draw_latents(options.seed, static_cast<std::uint32_t>(i + 1), static_cast<std::uint32_t>(l), is_sclc, options.signal);
      const double score = lesion_log_ratio(latents, seen, options.signal);
      if (level != OracleLevel::subject) all.of(is_sclc).push_back(score);
      sum += score;
    }
    if (level == OracleLevel::subject) all.of(is_sclc).push_back(sum);
  }
  return sample_auc(std::move(all.nsclc), all.sclc);
}

double cohort_site_auc(const SimulateOptions& options, const std::vector<PlannedPatient>& patients) {
  Scores all;
  for (std::size_t i = 0; i < patients.size(); ++i) {
    const bool is_sclc = patients[i].label == "SCLC";
    const int site = site_of(options.scan, options.seed, static_cast<std::uint32_t>(i + 1), is_sclc);
    all.of(is_sclc).push_back(options.scan.kappa > 0 && site % 2 == 0 ? 1 : 0);
  }
  return sample_auc(std::move(all.nsclc), all.sclc);
}

}  // namespace

const char* name_of(OracleLevel level) {
  return level == OracleLevel::slice ? "slice" : level == OracleLevel::lesion ? "lesion" : "subject";
}

OracleLevel oracle_level_named(const std::string& name) {
  for (const OracleLevel level : kOracleLevels) {
    if (name == name_of(level)) return level;
  }
  throw UsageError(text("--difficulty-level is '", printable(name), "', expected slice, lesion or subject"));
}

bool shows(Series series, Latent latent) {
  if (latent == Latent::gadolinium || latent == Latent::texture) return series == Series::t1c;
  return latent != Latent::t2 || series != Series::t1c;
}

SeenSeries seen_series(const std::string& inputs) {
  SeenSeries seen{};
  for (const std::string& channel : input_configuration(inputs).channels)
    seen[channel == "t1c" ? 0 : channel == "flair" ? 1 : 2] = true;
  return seen;
}

double lesion_log_ratio(const LesionLatents& latents, const SeenSeries& seen, double signal) {
  double sum = place_log_ratio(latents.cerebellar, signal);
  for (const Latent latent : kLatents) {
    const LatentModel m = latent_model(latent);
    if (is_seen(seen, latent))
      sum += signal * (m.sclc - m.nsclc) / (m.deviation * m.deviation) * (value_of(latent, latents) - (m.sclc + m.nsclc) / 2);
  }
  return sum;
}

double population_auc(OracleLevel level, const SeenSeries& seen, const CohortSize& size, double signal) {
  const CountShares one{{{1, 0, 0, 0}, {1, 0, 0, 0}}};
  const CountShares shares = level == OracleLevel::subject ? count_shares(size, signal) : one;
  const double distance = squared_distance(seen, signal);
  return auc_of(scores(false, shares, distance, signal), scores(true, shares, distance, signal));
}

double signal_for(double auc, OracleLevel level, const CohortSize& size) {
  const auto reached = [&](double signal) { return population_auc(level, {true, true, true}, size, signal); };
  if (!(auc >= 0.5 && auc <= reached(kHighestSignal) && auc < 1))
    throw UsageError(text("--difficulty is ", auc, ", expected an AUC from 0.5 to below 1"));
  if (auc <= 0.5) return 0;
  double low = 0, high = kHighestSignal;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (reached(middle) < auc ? low : high) = middle;
  }
  // Four decimals are enough for the tolerance, and can be typed.
  const double signal = std::round(high * 1e4) / 1e4;
  return std::abs(reached(signal) - auc) <= kTolerance ? signal : high;
}

double sample_auc(std::vector<double> nsclc, const std::vector<double>& sclc) {
  if (nsclc.empty() || sclc.empty()) return 0.5;
  std::sort(nsclc.begin(), nsclc.end());
  double wins = 0;
  for (const double score : sclc) {
    const auto below = std::lower_bound(nsclc.begin(), nsclc.end(), score);
    const auto above = std::upper_bound(below, nsclc.end(), score);
    wins += static_cast<double>(below - nsclc.begin()) + 0.5 * static_cast<double>(above - below);
  }
  return wins / (static_cast<double>(nsclc.size()) * static_cast<double>(sclc.size()));
}

double site_auc(const ScanOptions& scan) { return scan.sites > 0 ? (1 + scan.kappa) / 2 : 0.5; }

Json oracle_json(const SimulateOptions& options, const std::vector<PlannedPatient>& patients) {
  constexpr std::array<const char*, 3> kSeries{"t1c", "flair", "t2"};
  Json oracle = Json::object();
  for (const Series s : {Series::t1c, Series::flair, Series::t2}) {
    Json names = Json::array();
    for (const Latent latent : kLatents) {
      if (shows(s, latent)) names.push_back(name_of(latent));
    }
    names.push_back("cerebellar");
    oracle["shown"][kSeries[static_cast<std::size_t>(s)]] = std::move(names);
  }
  for (const OracleLevel level : kOracleLevels) {
    for (const std::string& inputs : input_configuration_names()) {
      const SeenSeries seen = seen_series(inputs);
      oracle["population"][name_of(level)][inputs] = recorded(population_auc(level, seen, size_of(options), options.signal));
      oracle["cohort"][name_of(level)][inputs] = recorded(cohort_auc(level, seen, options, patients));
    }
  }
  if (options.scan.sites > 0)
    oracle["site"] = {{"population", recorded(site_auc(options.scan))},
                      {"cohort", recorded(cohort_site_auc(options, patients))}};
  return oracle;
}

}  // namespace vitrine::imaging
