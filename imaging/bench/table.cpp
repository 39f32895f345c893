// The figures of imaging/bench/scores.h and their table. Musts: docs/imaging.md.
#include <algorithm>
#include <functional>

#include "base/number.h"
#include "imaging/bench/scores.h"
#include "imaging/steps/lesion_contrast.h"
#include "imaging/steps/registration_checks.h"

namespace vitrine::imaging {
namespace {

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
}

double largest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }
double smallest(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }

std::string joined(const std::vector<double>& values, int digits) {
  std::string out;
  for (const double v : values) out += (out.empty() ? "" : " / ") + fixed(v, digits);
  return out.empty() ? "-" : out;
}

using Rows = std::vector<std::vector<std::string>>;

std::string markdown_of(const Rows& rows) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const std::string& cell : rows[r]) out += "| " + cell + " ";
    out += "|\n";
    if (r > 0) continue;
    for (std::size_t n = 0; n < rows[0].size(); ++n) out += "|---";
    out += "|\n";
  }
  return out;
}

std::string aligned(const Rows& rows) {
  std::vector<std::size_t> width(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) line += row[c] + std::string(width[c] - row[c].size() + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

// One value of every case that is wanted.
std::vector<double> of_cases(const std::vector<CaseScores>& scores, const std::function<bool(const CaseScores&)>& wanted,
                             const std::function<double(const CaseScores&)>& value) {
  std::vector<double> out;
  for (const CaseScores& s : scores) {
    if (wanted(s)) out.push_back(value(s));
  }
  return out;
}

std::vector<double> of_pairs(const std::vector<CaseScores>& scores, const std::vector<double> CaseScores::*member) {
  std::vector<double> all;
  for (const CaseScores& s : scores) all.insert(all.end(), (s.*member).begin(), (s.*member).end());
  return all;
}

}  // namespace

bool Figure::is_met() const {
  for (std::size_t n = 0; n < std::min(values.size(), must.size()); ++n) {
    if (larger_is_better ? !(values[n] >= must[n]) : !(values[n] <= must[n])) return false;
  }
  return true;
}

std::vector<Figure> figures_of(const std::vector<CaseScores>& scores, const Whole& whole) {
  std::vector<Figure> out;
  if (scores.empty()) return out;
  const auto any = [](const CaseScores&) { return true; };
  const std::vector<double> tre = of_pairs(scores, &CaseScores::tre), far = of_pairs(scores, &CaseScores::far_tre);
  const std::vector<double> t1c = of_cases(scores, any, [](const CaseScores&s) { return s.dice; }),
                            outside = of_cases(scores, any, [](const CaseScores&s) { return s.outside; }),
                            flair = of_cases(scores, any, [](const CaseScores&s) { return s.dice_flair; }),
                            t2 = of_cases(scores, any, [](const CaseScores&s) { return s.dice_t2; }),
                            contrast = of_cases(scores, any, [](const CaseScores&s) { return s.contrast; });
  out.push_back({"tre", "registration error, mm, median / worst", 2, {median(tre), largest(tre)}, {0.35, 0.8}, false});
  out.push_back(
      {"far_tre", "the same, headers 20-80 mm and 10-30 degrees off", 2, {median(far), largest(far)}, {0.35, 0.8}, false});
  out.push_back({"ch2_dice",
                 "Dice, ch2 against ch2bet",
                 3,
                 whole.ch2_dice < 0 ? std::vector<double>{} : std::vector<double>{whole.ch2_dice},
                 {0.965},
                 true});
  out.push_back({"dice", "Dice, T1c, mean / worst", 3, {mean(t1c), smallest(t1c)}, {0.96, 0.95}, true});
  out.push_back({"outside", "lesion outside the mask, %, mean", 2, {mean(outside)}, {0.5}, false});
  out.push_back({"dice_other", "Dice, FLAIR / T2 on their own, mean", 3, {mean(flair), mean(t2)}, {0.95, 0.95}, true});
  for (const int percent : {20, 40}) {
    const auto wanted = [&](const CaseScores& s) { return s.bias * 100 > percent - 1 && s.bias * 100 < percent + 1; };
    const std::vector<double> r = of_cases(scores, wanted, [](const CaseScores&s) { return s.field.correlation; }),
                              rms = of_cases(scores, wanted, [](const CaseScores&s) { return s.field.rms_percent; });
    const std::string name = "bias " + std::to_string(percent) + " %: ";
    const std::string key = "bias" + std::to_string(percent);
    const auto of = [&](const std::vector<double>& v) {
      return v.empty() ? std::vector<double>{} : std::vector<double>{mean(v)};
    };
    out.push_back({key + "_r", name + "correlation of the log field, mean", 2, of(r), {percent == 20 ? 0.85 : 0.95}, true});
    out.push_back({key + "_rms", name + "RMS of the log field, %, mean", 2, of(rms), {percent == 20 ? 2.3 : 2.8}, false});
  }
  out.push_back(
      {"contrast", "lesion to white matter, change, %, mean / worst", 2, {mean(contrast), largest(contrast)}, {3, 3}, false});
  const auto least = [&](double CheckFigures::*figure) {
    return smallest(of_cases(scores, any, [&](const CaseScores& s) { return s.checks.*figure; }));
  };
  out.push_back({"contrasts", "contrasts as expected, of 5, least", 0, {least(&CheckFigures::contrasts)}, {5}, true});
  out.push_back(
      {"lesion_above", "lesion above its surroundings, least", 2, {least(&CheckFigures::lesion_above)}, {kLeastAbove}, true});
  out.push_back(
      {"mirror", "against the mirror image, ratio, least", 2, {least(&CheckFigures::mirror)}, {kSameHeadRatio}, true});
  out.push_back({"peak", "against places 12 mm and degrees away, least", 2, {least(&CheckFigures::peak)}, {kWeakPeak}, true});
  out.push_back({"loop",
                 "T1c to FLAIR to T2 and back, mm, most",
                 2,
                 {largest(of_cases(scores, any, [](const CaseScores& s) { return s.checks.loop; }))},
                 {kLoopWarnMm},
                 false});
  out.push_back({"seconds", "one patient, all steps, one core, s", 1, {whole.seconds}, {30}, false});
  out.push_back({"same_bits", "same bits: repeated, 1 and 3 threads (1: yes)", 0, {whole.same_bits ? 1.0 : 0.0}, {1}, true});
  return out;
}

std::string figures_table(const std::vector<Figure>& figures, const std::vector<PeerColumn>& peers, bool markdown) {
  Rows rows{{"figure", "vitrine", "must", ""}};
  for (const PeerColumn& peer : peers) rows[0].push_back(peer.name);
  for (const Figure& f : figures) {
    std::vector<std::string> row{f.name, joined(f.values, f.digits), joined(f.must, f.digits),
                                 f.values.empty() || f.must.empty() ? ""
                                 : f.is_met()                       ? "met"
                                                                    : "MISSED"};
    for (const PeerColumn& peer : peers) {
      const auto found = std::find_if(peer.values.begin(), peer.values.end(), [&](const auto& v) { return v.first == f.key; });
      row.push_back(found == peer.values.end() ? "-" : joined(found->second, f.digits));
    }
    rows.push_back(std::move(row));
  }
  return markdown ? markdown_of(rows) : aligned(rows);
}

Json figures_json(const std::vector<Figure>& figures, const std::vector<CaseScores>& scores, const std::string& anatomy) {
  Json out = {{"anatomy", anatomy}, {"figures", Json::array()}, {"cases", Json::array()}};
  for (const Figure& f : figures) {
    out["figures"].push_back({{"key", f.key},
                              {"name", f.name},
                              {"digits", f.digits},
                              {"values", f.values},
                              {"must", f.must},
                              {"larger_is_better", f.larger_is_better}});
  }
  for (const CaseScores& s : scores) {
    out["cases"].push_back({{"name", s.name},
                            {"t1c", s.sequence},
                            {"bias", s.bias},
                            {"tre_mm", s.tre},
                            {"far_tre_mm", s.far_tre},
                            {"dice", s.dice},
                            {"lesion_outside_percent", s.outside},
                            {"dice_flair", s.dice_flair},
                            {"dice_t2", s.dice_t2},
                            {"field_correlation", s.field.correlation},
                            {"field_rms_percent", s.field.rms_percent},
                            {"contrast_change_percent", s.contrast},
                            {"refused", s.refused}});
  }
  return out;
}

}  // namespace vitrine::imaging
