#include "imaging/scan/scan_dicom.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/output.h"
#include "imaging/formats/dicom.h"
#include "imaging/formats/dicom_dataset.h"
#include "imaging/formats/read_volume.h"
#include "imaging/scan/examination.h"
#include "imaging/scan/labels.h"
#include "imaging/scan/layouts.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

std::vector<ExaminationSeries> as_examination_series(const std::vector<DicomSeries>& series) {
  std::vector<ExaminationSeries> all;
  for (const DicomSeries& s : series) {
    all.push_back(
        {s.patient_key,
         s.study_uid,
         {s.description, s.protocol, s.modality, s.image_type, s.repetition_ms, s.echo_ms, s.inversion_ms, s.contrast_given},
         s.plane,
         s.slices,
         s.skipped});
  }
  return all;
}

class DicomScanner {
 public:
  DicomScanner(const fs::path& folder, const fs::path& csv, const CohortScanOptions& options, Progress& progress)
      : folder_(folder), csv_(csv), options_(options), progress_(progress), labels_(options) {}

  CohortScan run() {
    if (!is_folder(folder_)) throw DataError(text(folder_, " ", path_exists(folder_) ? "is no folder" : "does not exist"));
    progress_.line(text("scan  reading the DICOM files below ", folder_));
    Notes notes;
    series_ = find_dicom_series(folder_, notes);
    std::vector<std::string> order;
    std::map<std::string, std::vector<Examination>> patients;
    for (Examination& e : examinations(as_examination_series(series_), options_.series)) {
      if (!patients.contains(e.patient)) order.push_back(e.patient);
      patients[e.patient].push_back(std::move(e));
    }
    result_.layout = "dicom";
    result_.csv = cohort_header();
    for (const std::string& patient : order) add_patient(patient, patients.at(patient));
    if (result_.subjects == 0)
      throw DataError(text("no patient can be taken of the ", order.size(), " of ", folder_,
                           result_.left_out.empty() ? "" : "; the first: " + result_.left_out.front()));
    result_.summary = text(result_.subjects, " of ", order.size(), " patients, DICOM");
    for (const Note& n : notes) result_.left_out.push_back(n.text);
    result_.to_fill_in = things_to_fill_in(without_label_, result_.subjects);
    return std::move(result_);
  }

 private:
  void leave_out(const std::string& patient, const std::string& why) {
    result_.left_out.push_back(printable(patient) + ": " + why);
  }

  // The first folder below the one that is scanned, in which a series lies.
  std::string folder_of(const DicomSeries& s) const {
    const fs::path inside = s.files.front().lexically_relative(folder_);
    return inside.has_parent_path() ? inside.begin()->string() : std::string();
  }

  // The examination that is meant; null, and the patient left out, when there is none or nobody said which.
  const Examination* meant(const std::string& patient, const std::vector<Examination>& all) {
    std::vector<const Examination*> candidates;
    for (const Examination& e : all) {
      if (options_.session.empty() ? e.refused.empty() : e.study.starts_with(options_.session)) candidates.push_back(&e);
    }
    std::string studies;
    for (const Examination& e : all) studies += (studies.empty() ? "" : ", ") + printable(e.study);
    if (candidates.empty()) {
      leave_out(patient, options_.session.empty()
                             ? all.front().refused
                             : text("no study begins with '", printable(options_.session), "' (", studies, ")"));
    } else if (candidates.size() > 1) {
      leave_out(patient, text(candidates.size(), " studies with a T1c (", studies,
                              "); say which by the beginning of its UID, --session UID"));
    } else if (!candidates.front()->refused.empty()) {
      leave_out(patient, candidates.front()->refused);
    } else {
      return candidates.front();
    }
    return nullptr;
  }

  void add_patient(const std::string& patient, const std::vector<Examination>& all) {
    if (patient.empty())
      return leave_out("a patient without a name", "its files name no patient, so that it cannot be told from others");
    const Examination* e = meant(patient, all);
    if (e == nullptr) return;
    const std::string folder = folder_of(series_[e->chosen.at("t1c")]);
    const LabelTable::Answer answer = labels_.label_of({patient, folder});
    if (!answer.refused.empty()) return leave_out(patient, answer.refused);
    std::map<std::string, std::string> row{{"subject_id", patient}, {"label", answer.label}};
    for (const auto& [column, at] : e->chosen) {
      const fs::path path = csv_.parent_path() / "volumes" / (patient + "_" + column + ".nii.gz");
      try {
        convert(series_[at], path);
      } catch (const DataError& error) {
        return leave_out(patient, text(column, ": ", error.what()));
      }
      row[column] = path_from(csv_, path);
    }
    result_.csv += cohort_row(row);
    ++result_.subjects;
    without_label_ += answer.label.empty() ? 1 : 0;
    progress_.line(text("scan  ", patient, "  ", e->chosen.size(), " series",
                        folder.empty() ? "" : " of the folder '" + printable(folder) + "'"));
    for (const std::string& why : e->left_out) leave_out(patient, why);
  }

  void convert(const DicomSeries& series, const fs::path& path) {
    const VolumeFile file = read_dicom_series(series);
    make_directory(path.parent_path());
    std::vector<std::string> inputs;
    for (const fs::path& f : series.files) inputs.push_back(f.string());
    check_output(path.string(), inputs);
    write_volume(path, file.volume);
  }

  fs::path folder_, csv_;
  const CohortScanOptions& options_;
  Progress& progress_;
  LabelTable labels_;
  std::vector<DicomSeries> series_;
  CohortScan result_;
  int without_label_ = 0;
};

}  // namespace

bool is_dicom_tree(const fs::path& folder) {
  bool dicom = false;
  for (const fs::path& file : entries_of(folder, true)) {
    if (!volume_stem(file).empty()) return false;
    dicom = dicom || (fs::is_regular_file(file) && is_dicom_file(file));
  }
  return dicom;
}

CohortScan scan_dicom(const fs::path& folder, const fs::path& csv, const CohortScanOptions& options, Progress& progress) {
  return DicomScanner(folder, csv, options, progress).run();
}

}  // namespace vitrine::imaging
