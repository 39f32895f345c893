#include "imaging/simulator/cohort_plan.h"

#include <algorithm>
#include <cmath>

#include "data/permutation.h"
#include "imaging/simulator/lesion.h"
#include "tensor/math.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

// Draws of a cohort as a whole; a number that changes here changes every cohort.
constexpr std::uint32_t kLabelOp = 5, kDealOp = 20, kRoundingOp = 23;
constexpr int kRooms = kMostLesionsOfPatient - 1;  // of a patient, for lesions beyond the first

Draw of_cohort(std::uint64_t seed, std::uint32_t op) { return {.seed = seed, .purpose = Purpose::simulate, .op = op}; }

std::vector<bool> draw_sclc(const SimulateOptions& options, int sclc) {
  std::vector<bool> is_sclc(static_cast<std::size_t>(options.patients));
  const std::vector<int> order = permutation(of_cohort(options.seed, kLabelOp), options.patients);
  for (int i = 0; i < sclc; ++i) is_sclc[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = true;
  return is_sclc;
}

int beyond_first(const CohortSize& s) { return s.lesions[0] + s.lesions[1] - s.patients[0] - s.patients[1]; }

// Lesions beyond the first that NSCLC gets at this signal: in general no whole number.
double nsclc_beyond_first(const CohortSize& s, double signal) {
  const double pooled = static_cast<double>(beyond_first(s)) * s.patients[0] / (s.patients[0] + s.patients[1]);
  return pooled + std::min(signal, 1.0) * (s.lesions[0] - s.patients[0] - pooled);
}

// One lesion more for the owners of the first `count` rooms in a drawn order.
void deal(const Draw& draw, const std::vector<std::size_t>& owners, int count, std::vector<PlannedPatient>& patients) {
  const std::vector<int> rooms = permutation(draw, kRooms * static_cast<int>(owners.size()));
  for (int i = 0; i < count; ++i) {
    const int owner = rooms[static_cast<std::size_t>(i)] / kRooms;
    ++patients[owners[static_cast<std::size_t>(owner)]].lesions;
  }
}

void deal_lesions(const SimulateOptions& options, const CohortSize& size, std::vector<PlannedPatient>& patients) {
  std::array<std::vector<std::size_t>, 2> of_class;
  for (std::size_t i = 0; i < patients.size(); ++i)
    of_class[options.signal > 0 && patients[i].label == "SCLC" ? 1 : 0].push_back(i);
  const int all = beyond_first(size);
  int first = all;
  if (options.signal > 0) {
    const double wanted = nsclc_beyond_first(size, options.signal), whole = std::floor(wanted);
    first = static_cast<int>(whole) + (of_cohort(options.seed, kRoundingOp).uniform(0) < wanted - whole ? 1 : 0);
  }
  deal(of_cohort(options.seed, kDealOp), of_class[0], first, patients);
  deal(of_cohort(options.seed, kDealOp + 1), of_class[1], all - first, patients);
}

// Of a patient's number of lesions, when `dealt` of them lie in the rooms of `patients`: hypergeometric.
std::array<double, kMostLesionsOfPatient> dealt_shares(int patients, int dealt) {
  constexpr std::array<double, kMostLesionsOfPatient> kWays{1, 3, 3, 1};
  const double rooms = static_cast<double>(kRooms) * patients;
  std::array<double, kMostLesionsOfPatient> shares = kWays;
  for (int x = 0; x <= kRooms; ++x) {
    double& share = shares[static_cast<std::size_t>(x)];
    for (int i = 0; i < x; ++i) share *= std::max(0.0, static_cast<double>(dealt) - i);
    for (int i = 0; i < kRooms - x; ++i) share *= std::max(0.0, rooms - dealt - i);
    for (int i = 0; i < kRooms; ++i) share /= rooms - i;
  }
  return shares;
}

std::array<double, kMostLesionsOfPatient> poisson_shares(double rate) {
  std::array<double, kMostLesionsOfPatient> shares{};
  double share = exp_portable(-rate), left = 1;
  for (int x = 0; x < kRooms; ++x) {
    shares[static_cast<std::size_t>(x)] = share;
    left -= share;
    share *= rate / (x + 1);
  }
  shares[kRooms] = left;
  return shares;
}

}  // namespace

CohortSize size_of(const SimulateOptions& o) {
  const int usual = std::clamp(std::max((4 * o.patients + 5) / 10, 6), 1, o.patients / 2);
  const int sclc = o.sclc > 0 ? o.sclc : usual;
  return {{o.patients - sclc, sclc}, o.lesions};
}

std::vector<PlannedPatient> plan_cohort(const SimulateOptions& options) {
  const CohortSize size = size_of(options);
  const std::vector<bool> is_sclc = draw_sclc(options, size.patients[1]);
  std::vector<PlannedPatient> patients;
  for (std::size_t i = 0; i < is_sclc.size(); ++i) {
    const int drawn = draw_lesion_count(options.seed, static_cast<std::uint32_t>(i + 1), is_sclc[i], options.signal);
    patients.push_back({is_sclc[i] ? "SCLC" : "NSCLC", size.lesions[0] > 0 ? 1 : drawn});
  }
  if (size.lesions[0] > 0) deal_lesions(options, size, patients);
  return patients;
}

CountShares count_shares(const CohortSize& size, double signal) {
  if (size.lesions[0] == 0)
    return {poisson_shares(lesions_beyond_first(false, signal)), poisson_shares(lesions_beyond_first(true, signal))};
  const int all = beyond_first(size);
  if (!(signal > 0)) {
    const auto shares = dealt_shares(size.patients[0] + size.patients[1], all);
    return {shares, shares};
  }
  const double wanted = nsclc_beyond_first(size, signal), whole = std::floor(wanted), up = wanted - whole;
  CountShares shares{};
  for (std::size_t c = 0; c < 2; ++c) {
    const int lower = c == 0 ? static_cast<int>(whole) : all - static_cast<int>(whole), step = c == 0 ? 1 : -1;
    const auto down_shares = dealt_shares(size.patients[c], lower), up_shares = dealt_shares(size.patients[c], lower + step);
    for (std::size_t x = 0; x < shares[c].size(); ++x) shares[c][x] = (1 - up) * down_shares[x] + up * up_shares[x];
  }
  return shares;
}

}  // namespace vitrine::imaging
