// The best rule that knows the truth: what no classifier of the images can beat by more than chance.
//
// Rule       the logarithm of the likelihood ratio p(latents | SCLC) / p(latents | NSCLC) of the latents that the series can show, a sum over latents,
//            since they are independent: normal ones contribute delta / deviation^2 (x - middle), the place (cerebellum or not) the
//            logarithm of the ratio of its rates
// Shown      by the signals of imaging/simulator/lesion.cpp and signal.cpp, where a deviation of the latent moves a voxel by more than noise:
//                            T1c   FLAIR   T2     why
//            radius          yes   yes     yes    where the tumour ends
//            irregularity    yes   yes     yes    the same surface
//            necrotic share  yes   yes     yes    necrosis against solid tumour: 0.14 : 1.9, 1.33 : 1.42, 3.63 : 1.78 of white matter
//            oedema          yes   yes     yes    against white matter 1: 0.39, 2.08, 2.79
//            gadolinium      yes   no      no     shortens T1; T2 is left as it is (signal.h)
//            texture         yes   no      no     is the pattern of the gadolinium
//            T2, solid part  no    yes     yes    T1c is tabled without it; in its equations T1 moves by less than 0.06 mM of gadolinium would
//                                                 move it, whose deviation is 0.10 mM
//            cerebellum      yes   yes     yes    anatomy
//            FLAIR and T2 show the same latents, with unequal contrast: their oracles are equal, what networks reach is not
// Lesion     one lesion. Slice: one slice, which shows what its lesion is; since nearly every lesion gives three, the AUC is the lesion's.
// Subject    the sum over the subject's lesions, and the logarithm of the ratio of the probabilities of their number (cohort_plan.h)
// Expected   in closed form: the score is a mixture of normals in each class, AUC = sum over pairs of w w' Phi((m - m') / sqrt(v + v')). Values are
//            taken as drawn; images show them clamped (lesion.cpp), which takes less than 0.002 away for signals to 0.5 (a test measures it)
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/simulator/cohort_plan.h"
#include "imaging/simulator/lesion.h"

namespace vitrine::imaging {

enum class OracleLevel { slice, lesion, subject };
inline constexpr std::array<OracleLevel, 3> kOracleLevels{OracleLevel::slice, OracleLevel::lesion, OracleLevel::subject};
const char* name_of(OracleLevel level);
OracleLevel oracle_level_named(const std::string& name);  // UsageError for another name

bool shows(Series series, Latent latent);

// Series that a rule sees: t1c, flair, t2.
using SeenSeries = std::array<bool, 3>;
SeenSeries seen_series(const std::string& inputs);  // of data/dataset.h input_configuration_names

double lesion_log_ratio(const LesionLatents& latents, const SeenSeries& seen, double signal);

// Expected over all cohorts of this size.
double population_auc(OracleLevel level, const SeenSeries& seen, const CohortSize& size, double signal);

// The smallest dial from 0 to 2 whose expected AUC with all three series is `auc`, within 0.001; below 0.51 at the level of subjects within
// 0.0015, since fixed sums of lesions tell a trace of the class at any signal above 0. UsageError for an AUC below 0.5 or that signal 2
// does not reach.
double signal_for(double auc, OracleLevel level, const CohortSize& size);

// Area under the curve of scores of both classes; ties count half. 0.5 where a class is empty.
double sample_auc(std::vector<double> nsclc, const std::vector<double>& sclc);

// What the scanner alone tells: with probability kappa the site is one of its class (scan_options.h), so that the AUC of the best rule is
// (1 + kappa) / 2; 0.5 without sites.
double site_auc(const ScanOptions& scan);

// Of a cohort: `shown` (latents per series), `population` and `cohort` (AUC per level and input configuration), and `site` where there are sites.
Json oracle_json(const SimulateOptions& options, const std::vector<PlannedPatient>& patients);

}  // namespace vitrine::imaging
