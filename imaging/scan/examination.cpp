#include "imaging/scan/examination.h"

#include <algorithm>

#include "base/error.h"
#include "base/names.h"
#include "base/printable.h"

namespace vitrine::imaging {
namespace {

constexpr std::int64_t kFewestSlices = 8;

std::string title(const ExaminationSeries& s) {
  return "'" + printable(s.facts.description.empty() ? s.facts.protocol : s.facts.description) + "'";
}

std::string column_of(SeriesKind kind) {
  return kind == SeriesKind::t1c ? "t1c" : kind == SeriesKind::flair ? "flair" : kind == SeriesKind::t2 ? "t2" : "";
}

// The candidates of one column brought down to one by what the user wants; why not, otherwise.
std::string choose(const std::vector<ExaminationSeries>& series, const std::string& column, std::vector<std::size_t> candidates,
                   const std::map<std::string, std::string>& wanted, Examination& e) {
  if (const auto words = wanted.find(column); words != wanted.end()) {
    std::erase_if(candidates, [&](std::size_t at) {
      return case_folded(series[at].facts.description).find(case_folded(words->second)) == std::string::npos;
    });
    if (candidates.empty()) return text("no ", column, " has '", printable(words->second), "' in its description");
  }
  if (candidates.size() == 1) {
    e.chosen[column] = candidates.front();
    return {};
  }
  std::string all;
  for (const std::size_t at : candidates)
    all += text(all.empty() ? "" : ", ", title(series[at]), " (", printable(series[at].plane), ", ", series[at].slices,
                " slices)");
  return text(candidates.size(), " series for ", column, ": ", all, "; say which by words of its description, --series \"",
              column, "=WORDS\"");
}

}  // namespace

std::vector<Examination> examinations(const std::vector<ExaminationSeries>& series,
                                      const std::map<std::string, std::string>& wanted) {
  std::vector<Examination> all;
  std::vector<std::map<std::string, std::vector<std::size_t>>> candidates;
  for (std::size_t at = 0; at < series.size(); ++at) {
    const ExaminationSeries& s = series[at];
    const auto same = [&](const Examination& e) { return e.patient == s.patient && e.study == s.study; };
    auto found = std::find_if(all.begin(), all.end(), same);
    if (found == all.end()) {
      all.push_back({s.patient, s.study, {}, {}, {}});
      candidates.emplace_back();
      found = all.end() - 1;
    }
    const ClassifiedSeries kind = classified(s.facts);
    const std::string column = column_of(kind.kind);
    std::string why = !s.skipped.empty() ? s.skipped : column.empty() ? name_of(kind.kind) + ", " + kind.why : "";
    if (why.empty() && s.slices < kFewestSlices) why = text("it has ", s.slices, s.slices == 1 ? " slice" : " slices");
    if (!why.empty()) {
      found->left_out.push_back(title(s) + ": " + why);
    } else {
      candidates[static_cast<std::size_t>(found - all.begin())][column].push_back(at);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& [column, places] : candidates[i]) {
      const std::string why = choose(series, column, places, wanted, all[i]);
      if (why.empty()) continue;
      (column == "t1c" ? all[i].refused : all[i].left_out.emplace_back()) = why;
    }
    if (!candidates[i].contains("t1c")) all[i].refused = "no T1c among its series";
  }
  return all;
}

}  // namespace vitrine::imaging
