#include "imaging/quality.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "imaging/preview.h"
#include "tensor/tensor.h"
#include "weights/safetensors.h"

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
std::string shift_text(double mm) { return mm < 0 ? std::string("-") : number(mm, 1); }

std::string whole_text(const Json& list) {
  std::string out;
  for (const Json& v : list)
    out += text(out.empty() ? "" : " x ", v.is_number_integer() ? text(v.get<std::int64_t>()) : number(v.get<double>(), 3));
  return out;
}

std::vector<report::QcFact> facts_of(const Subject& subject, const SubjectRecord& record) {
  std::vector<report::QcFact> facts;
  for (const auto& [column, path] : subject.files()) {
    const Json& step = member(record.steps, column);
    std::string value = text(path.filename(), ": stored as ", printable(text_in(step, "stored_as")), ", ",
                             whole_text(member(step, "size")), " voxels of ", whole_text(member(step, "spacing_mm")), " mm");
    for (const std::string& remark : texts_in(step, "remarks")) value += "; " + printable(remark);
    if (const auto field = step.find("field_low"); field != step.end())
      value += text("; bias field ", number(number_in(step, "field_low", 0, 1e9), 2), " to ",
                    number(number_in(step, "field_high", 0, 1e9), 2), "; clipped ",
                    number(100 * number_in(step, "clipped_share", 0, 1), 2), " % of the brain, ",
                    number(100 * number_in(step, "clipped_lesion_share", 0, 1), 2), " % of the lesions");
    facts.push_back({column, value});
  }
  for (const FoundLesion& l : record.lesions) {
    facts.push_back({text("lesion ", l.number),
                     text(number(l.volume_mm3 / 1000, 2), " ml in ", l.pieces, l.pieces == 1 ? " piece, " : " pieces, ",
                          l.crops, l.crops == 1 ? " crop" : " crops")});
  }
  return facts;
}

std::vector<report::QcCrop> crops_of(const SubjectRecord& record, int size, const std::filesystem::path& out) {
  std::vector<report::QcCrop> crops;
  for (const RecordedSample& s : record.samples) {
    check_interrupt("preparation");
    const Tensor image = read_safetensors(out / s.sample.file).at("image").to_float();
    const auto pixels = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
    if (image.size() != static_cast<std::int64_t>(3 * pixels))
      throw DataError(text(out / s.sample.file, ": is no crop of ", size, " x ", size));
    std::vector<std::vector<float>> slices(3, std::vector<float>(pixels));
    for (std::size_t i = 0; i < 3 * pixels; ++i) slices[i % 3][i / 3] = image.data()[i];
    crops.push_back(
        {text("lesion ", s.sample.lesion_id, ", slice ", s.sample.slice, ", ", number(s.sample.side_mm, 1), " mm wide"),
         qc_panels(slices, size)});
  }
  return crops;
}

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

report::QcPage qc_page(const std::vector<Subject>& subjects, const std::vector<Outcome>& outcomes, const CropOptions& options,
                       const std::filesystem::path& out) {
  report::QcPage page;
  page.title = "Preparation: quality control";
  page.measures = {"lesions",          "crops",       "lesion, ml",    "brain, ml",
                   "FLAIR: shift, mm", "information", "T2: shift, mm", "information"};
  std::size_t prepared = 0, crops = 0;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    report::QcSubject s;
    s.id = subjects[i].id;
    s.label = subjects[i].label;
    s.refused = outcomes[i].refused;
    if (outcomes[i].record) {
      const SubjectRecord& r = *outcomes[i].record;
      for (const Notes* notes : {&r.notes, &r.cohort_notes}) {
        for (const Note& n : *notes) s.notes.push_back({n.warning, n.text});
      }
      s.measures = {std::to_string(r.lesions.size()),
                    std::to_string(r.samples.size()),
                    number(r.lesion_ml, 1),
                    number(r.brain_ml, 0),
                    shift_text(r.agreement.t1c_flair.shift_mm),
                    number(-r.flair_metric, 2),
                    shift_text(r.agreement.t1c_t2.shift_mm),
                    number(-r.t2_metric, 2)};
      s.facts = facts_of(subjects[i], r);
      s.crops = crops_of(r, options.size, out);
      ++prepared;
      crops += r.samples.size();
    }
    page.subjects.push_back(std::move(s));
  }
  page.lines = {text(prepared, " of ", subjects.size(), " subjects were prepared and gave ", crops, " crops."),
                text("Shift: how far parts of the brain still lie apart from T1c on average after coregistration; up to ",
                     kMostShiftMm, " mm is usual for one head. Information: mutual information with T1c.")};
  return page;
}

}  // namespace vitrine::imaging
