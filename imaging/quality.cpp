#include "imaging/quality.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "imaging/qc_folder.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kFewest = 6;
constexpr double kDeviations = 6, kPerMad = 1.4826;
constexpr double kChanceShift = 1.0;         // mm beyond the median
constexpr double kChanceInformation = 0.15;  // of the median
constexpr double kChanceCorrelation = 0.25;  // beyond the median

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct Dispersion {
  double middle = 0, limit = 0;
};

// The middle of the values and how far from it is far.
Dispersion dispersion_of(const std::vector<double>& values, double at_least) {
  Dispersion s;
  s.middle = median(values);
  std::vector<double> distances;
  for (const double v : values) distances.push_back(std::abs(v - s.middle));
  s.limit = std::max(kDeviations * kPerMad * median(distances), at_least);
  return s;
}

struct Measure {
  const char* name;  // of the series
  double (*information)(const SubjectRecord&);
  double (*shift)(const SubjectRecord&);
  double (*correlation)(const SubjectRecord&);  // with T1c, squared
};

constexpr Measure kMeasures[] = {{"FLAIR", [](const SubjectRecord& r) { return -r.flair_metric; },
                                  [](const SubjectRecord& r) { return r.agreement.t1c_flair.shift_mm; },
                                  [](const SubjectRecord& r) { return r.agreement.t1c_flair.correlation; }},
                                 {"T2", [](const SubjectRecord& r) { return -r.t2_metric; },
                                  [](const SubjectRecord& r) { return r.agreement.t1c_t2.shift_mm; },
                                  [](const SubjectRecord& r) { return r.agreement.t1c_t2.correlation; }}};

std::string number(double v, int digits) { return fixed(v, digits); }

}  // namespace

std::vector<Notes> cohort_notes(const std::vector<Outcome>& outcomes) {
  std::vector<Notes> notes(outcomes.size());
  for (const Measure& m : kMeasures) {
    std::vector<double> information, shift, correlation;
    for (const Outcome& o : outcomes) {
      if (!o.record) continue;
      information.push_back(m.information(*o.record));
      if (m.shift(*o.record) < 0) continue;  // too little brain to tell
      correlation.push_back(m.correlation(*o.record));
      shift.push_back(m.shift(*o.record));
    }
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i].record) continue;
      const double mine = m.information(*outcomes[i].record), my_shift = m.shift(*outcomes[i].record);
      if (information.size() >= kFewest) {
        const Dispersion s = dispersion_of(information, kChanceInformation * median(information));
        if (mine < s.middle - s.limit)
          warn(notes[i], text(m.name, " has less in common with T1c than in the other subjects (mutual information ",
                              number(mine, 2), ", median ", number(s.middle, 2), "); check that both show one head"));
      }
      if (correlation.size() >= kFewest && my_shift >= 0) {
        const double mine_here = m.correlation(*outcomes[i].record);
        const Dispersion s = dispersion_of(correlation, kChanceCorrelation);
        if (std::abs(mine_here - s.middle) > s.limit)
          warn(notes[i],
               text(m.name, " looks like another kind of series than in the other subjects (squared correlation with T1c ",
                    number(mine_here, 2), ", median ", number(s.middle, 2), "); check that FLAIR and T2 are not exchanged"));
      }
      if (shift.size() >= kFewest && my_shift >= 0) {
        const Dispersion s = dispersion_of(shift, kChanceShift);
        if (my_shift > s.middle + s.limit)
          warn(notes[i],
               text(m.name, " lies further from T1c than in the other subjects (parts of the brain by ", number(my_shift, 1),
                    " mm on average, median ", number(s.middle, 1), "); check that both show one head"));
      }
    }
  }
  return notes;
}

report::QcPage qc_page(const std::vector<Subject>& subjects, const std::vector<Outcome>& outcomes,
                       const std::filesystem::path& out) {
  QcFolder folder;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    QcEntry entry;
    entry.id = subjects[i].id;
    entry.label = subjects[i].label;
    entry.refused = outcomes[i].refused;
    if (outcomes[i].record) entry.record = parse_sealed_json(record_text(*outcomes[i].record, entry.id));
    for (const auto& [column, path] : subjects[i].files()) entry.files[column] = text(path.filename());
    folder.subjects.push_back(std::move(entry));
  }
  QcPageOptions options;
  options.page_folder = out;
  options.refuse_damage = true;
  return qc_page_of(folder, out, options);
}

}  // namespace vitrine::imaging
