// How far steps are from the truth, and the table of it.
//
// TRE         mean distance over the brain's voxels (every third along each axis) between where a transform and the true one send them, mm
// Dice        2 |a and b| / (|a| + |b|)
// Outside     share of the lesion's voxels outside the brain mask, percent
// Bias        in the true brain: correlation of the logarithms of both fields, and the RMS of their difference about its mean, percent
// Contrast    mean of the solid tumour over that of white matter after the correction, against that of the signal without field and noise, percent
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "imaging/bench/cases.h"
#include "imaging/bench/our_steps.h"

namespace vitrine::imaging {

double target_registration_error(const Matrix4& found, const Matrix4& truth, const Mask& brain);
double percent_outside(const Mask& lesion, const Mask& brain);

struct FieldError {
  double correlation = 0, rms_percent = 0;
};
// A field that is nowhere above zero has correlation 0 and counts as 1.
FieldError field_error(const Volume& field, const Volume& truth, const Mask& brain);
double contrast_change_percent(const Volume& corrected, const Volume& clean, const Volume& tissue);

struct CaseScores {
  std::string name, sequence;
  double bias = 0;
  std::vector<double> tre, far_tre;  // FLAIR, T2
  double dice = 0, outside = 0, dice_flair = 0, dice_t2 = 0;
  FieldError field;
  double contrast = 0;
  CheckFigures checks;
  std::vector<std::string> refused;  // what a step said; its score is then that of having done nothing
};
// Interrupted.
CaseScores score_case(const BenchCase& c, const HeadTemplate* head = nullptr);

// A row of the table. Values and musts in the order of the name, for example median and worst.
struct Figure {
  std::string key, name;
  int digits = 2;
  std::vector<double> values;  // empty: not measured
  std::vector<double> must;    // empty: there is none
  bool larger_is_better = false;

  bool is_met() const;
};
struct Whole {           // what is measured once
  double ch2_dice = -1;  // -1: not installed
  double seconds = 0;    // of a patient on one core
  bool same_bits = false;
};
std::vector<Figure> figures_of(const std::vector<CaseScores>& scores, const Whole& whole);

struct PeerColumn {
  std::string name;
  std::vector<std::pair<std::string, std::vector<double>>> values;  // by key
};
// With `markdown` a table with bars, else aligned columns. "met" or "MISSED" where there is a must.
std::string figures_table(const std::vector<Figure>& figures, const std::vector<PeerColumn>& peers, bool markdown);

Json figures_json(const std::vector<Figure>& figures, const std::vector<CaseScores>& scores, const std::string& anatomy);

}  // namespace vitrine::imaging
