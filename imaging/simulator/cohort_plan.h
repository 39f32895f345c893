// Who is in a simulated cohort: the label and the number of lesions of each patient, before anything of them is made.
//
// Labels    `sclc` patients have SCLC, at places of a drawn order. Where it is not given: 40 %, but at least six where there are twelve patients
//           (a test part and five folds need one each)
// Lesions   not given: 1 + Poisson, at most 4, each patient for itself (imaging/simulator/lesion.h)
//           given as totals of NSCLC and SCLC at signal 1: they are dealt. Every patient has one lesion and room for three more; the lesions
//           beyond the first go to rooms in a drawn order, so that the number of a patient follows a hypergeometric distribution and
//           the sum is exact. The dial moves the totals as it moves all that the classes differ in: at signal s the lesions beyond the
//           first that NSCLC gets are pooled + min(s, 1) (given - pooled), pooled being its share by patients; what is no whole number is
//           rounded up with the probability of its fraction. At signal 0 the deal does not look at labels.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "imaging/simulator/cohort_simulator.h"

namespace vitrine::imaging {

inline constexpr int kMostLesionsOfPatient = 4;

// In the order NSCLC, SCLC.
struct CohortSize {
  std::array<int, 2> patients{};
  std::array<int, 2> lesions{};  // at signal 1; 0: drawn for each patient
};
CohortSize size_of(const SimulateOptions& options);

struct PlannedPatient {
  std::string label;
  int lesions = 1;
};
std::vector<PlannedPatient> plan_cohort(const SimulateOptions& options);

// The probability that a patient has 1, 2, 3 or 4 lesions, of each class.
using CountShares = std::array<std::array<double, kMostLesionsOfPatient>, 2>;
CountShares count_shares(const CohortSize& size, double signal);

}  // namespace vitrine::imaging
