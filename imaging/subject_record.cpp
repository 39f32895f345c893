#include "imaging/subject_record.h"

#include <algorithm>
#include <stdexcept>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/number.h"
#include "imaging/lineage.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostFile = std::uint64_t{64} << 20;  // of a crop or preview
constexpr double kMost = 1e15;
constexpr const char* kCropSuffix = ".safetensors";
constexpr const char* kPreviewSuffix = ".png";

Json notes_json(const Notes& notes) {
  Json out = Json::array();
  for (const Note& n : notes) out.push_back({{n.warning ? "warning" : "note", n.text}});
  return out;
}

Notes notes_in(const Json& record, std::string_view key) {
  Notes notes;
  for (const Json& item : member(record, key)) {
    if (!item.is_object() || item.size() != 1 || !item.front().is_string())
      throw std::runtime_error(text("'", key, "' holds something that is no note"));
    const std::string level = item.begin().key();
    if (level != "warning" && level != "note") throw std::runtime_error(text("'", key, "' holds something that is no note"));
    notes.push_back({level == "warning", item.front().get<std::string>()});
  }
  return notes;
}

Json hashes_json(const ColumnHashes& hashes) {
  Json out = Json::object();
  for (const auto& [column, hash] : hashes) out[column] = hash;
  return out;
}

ColumnHashes hashes_in(const Json& record, std::string_view key) {
  ColumnHashes hashes;
  const Json& object = member(record, key);
  if (!object.is_object()) throw std::runtime_error(text("'", key, "' is no object"));
  for (const auto& [column, hash] : object.items()) hashes[column] = text_in(object, column);
  return hashes;
}

Json lesion_json(const FoundLesion& l) {
  return {{"lesion_id", l.number}, {"pieces", l.pieces}, {"volume_mm3", l.volume_mm3}, {"crops", l.crops}};
}

FoundLesion lesion_in(const Json& item) {
  FoundLesion l;
  l.number = static_cast<int>(integer_in(item, "lesion_id", 1, kMostLabel));
  l.pieces = static_cast<int>(integer_in(item, "pieces", 1, INT32_MAX));
  l.volume_mm3 = number_in(item, "volume_mm3", 0, kMost);
  l.crops = static_cast<int>(integer_in(item, "crops", 0, INT32_MAX));
  return l;
}

Json sample_json(const RecordedSample& s) {
  return {{"sample_id", s.sample.sample_id},
          {"lesion_id", s.sample.lesion_id},
          {"slice", s.sample.slice},
          {"file", s.sample.file},
          {"sha256", s.sample.sha256},
          {"preview", s.sample.preview},
          {"preview_sha256", s.preview_sha256},
          {"side_mm", s.sample.side_mm}};
}

RecordedSample sample_in(const Json& item, const std::string& subject_id, const std::string& label) {
  RecordedSample s;
  s.sample = named_sample(subject_id, label, static_cast<int>(integer_in(item, "lesion_id", 1, kMostLabel)),
                          static_cast<int>(integer_in(item, "slice", 0, 4096)));
  s.sample.side_mm = number_in(item, "side_mm", 0, kMost);
  s.sample.sha256 = text_in(item, "sha256");
  s.preview_sha256 = text_in(item, "preview_sha256");
  return s;
}

Json pair_json(const PairAgreement& p) { return {{"shift_mm", p.shift_mm}, {"squared_correlation", p.correlation}}; }

PairAgreement pair_in(const Json& agreement, std::string_view key) {
  const Json& pair = member(agreement, key);
  return {number_in(pair, "shift_mm", -1, kMost), number_in(pair, "squared_correlation", 0, 1 + 1e-9)};
}

double metric_in(const Json& steps, std::string_view series) {
  const auto found = steps.find(series);
  if (found == steps.end() || !found->is_object()) return 0;
  const auto coregistration = found->find("coregistration");
  return coregistration == found->end() ? 0 : number_in(*coregistration, "metric_after", -kMost, kMost);
}

Json picture_json(const RecordedPicture& p) {
  return {{"name", p.name}, {"caption", p.caption}, {"file", p.file}, {"sha256", p.sha256}};
}

RecordedPicture picture_in(const Json& item, const std::string& subject_id) {
  RecordedPicture p{text_in(item, "name"), text_in(item, "caption"), {}, text_in(item, "sha256")};
  if (p.name.empty() || p.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") != std::string::npos)
    throw std::runtime_error("a picture has a name that preparation does not give");
  p.file = picture_file(subject_id, p.name);
  return p;
}

bool eat_number(std::string_view& rest) {
  std::size_t digits = 0;
  while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
  rest.remove_prefix(digits);
  return digits > 0;
}

bool eat(std::string_view& rest, std::string_view what) {
  if (!rest.starts_with(what)) return false;
  rest.remove_prefix(what.size());
  return true;
}

// Whether a file is called as a crop of the subject: no other subject's crop can be.
bool is_crop_name(std::string_view name, std::string_view subject_id, std::string_view suffix) {
  return eat(name, subject_id) && eat(name, "_l") && eat_number(name) && eat(name, "_s") && eat_number(name) && name == suffix;
}

}  // namespace

std::string picture_file(const std::string& subject_id, const std::string& name) {
  return text("qc/", subject_id, "/", name, ".png");
}

Sample named_sample(const std::string& subject_id, const std::string& label, int lesion, int slice) {
  Sample sample;
  sample.sample_id = text(subject_id, "_l", lesion, "_s", slice);
  sample.subject_id = subject_id;
  sample.lesion_id = lesion;
  sample.slice = slice;
  sample.label = label;
  sample.file = "crops/" + sample.sample_id + kCropSuffix;
  sample.preview = "previews/" + sample.sample_id + kPreviewSuffix;
  return sample;
}

std::string record_text(const SubjectRecord& record, const std::string& subject_id) {
  Json out = Json::object();
  out["subject_id"] = subject_id;
  out["key"] = record.key;
  out["inputs"] = record.inputs;
  out["options"] = record.options;
  out["notes"] = notes_json(record.notes);
  out["cohort_notes"] = notes_json(record.cohort_notes);
  out["brain_ml"] = record.brain_ml;
  out["lesion_ml"] = record.lesion_ml;
  out["agreement"] = {{"t1c_flair", pair_json(record.agreement.t1c_flair)},
                      {"t1c_t2", pair_json(record.agreement.t1c_t2)},
                      {"flair_t2", pair_json(record.agreement.flair_t2)}};
  out["steps"] = record.steps;
  out["voxels_sha256"] = hashes_json(record.voxels_sha256);
  out["lesions"] = Json::array();
  for (const FoundLesion& l : record.lesions) out["lesions"].push_back(lesion_json(l));
  out["samples"] = Json::array();
  for (const RecordedSample& s : record.samples) out["samples"].push_back(sample_json(s));
  out["pictures"] = Json::array();
  for (const RecordedPicture& p : record.pictures) out["pictures"].push_back(picture_json(p));
  out["lineage_sha256"] = record.lineage_sha256;
  return sealed_json_text(std::move(out));
}

SubjectRecord parse_record(const std::string& bytes, const std::string& subject_id, const std::string& label) {
  const Json json = parse_sealed_json(bytes);
  if (text_in(json, "subject_id") != subject_id) throw std::runtime_error("it is the record of another subject");
  SubjectRecord record;
  record.key = text_in(json, "key");
  record.inputs = member(json, "inputs");
  record.options = member(json, "options");
  record.notes = notes_in(json, "notes");
  record.cohort_notes = notes_in(json, "cohort_notes");
  record.brain_ml = number_in(json, "brain_ml", 0, kMost);
  record.lesion_ml = number_in(json, "lesion_ml", 0, kMost);
  const Json& agreement = member(json, "agreement");
  record.agreement = {pair_in(agreement, "t1c_flair"), pair_in(agreement, "t1c_t2"), pair_in(agreement, "flair_t2")};
  record.steps = member(json, "steps");
  record.flair_metric = metric_in(record.steps, "flair");
  record.t2_metric = metric_in(record.steps, "t2");
  record.voxels_sha256 = hashes_in(json, "voxels_sha256");
  for (const Json& item : member(json, "lesions")) record.lesions.push_back(lesion_in(item));
  for (const Json& item : member(json, "samples")) record.samples.push_back(sample_in(item, subject_id, label));
  for (const Json& item : member(json, "pictures")) record.pictures.push_back(picture_in(item, subject_id));
  if (json.contains("lineage_sha256")) record.lineage_sha256 = text_in(json, "lineage_sha256");
  return record;
}

std::string changed_file(const SubjectRecord& record, const std::string& subject_id, const fs::path& out) {
  const auto check = [&](const std::string& file, const std::string& hash) -> std::string {
    if (const std::string flaw = path_flaw(out / file); !flaw.empty()) return text(fs::path(file), " ", flaw);
    return sha256_of_file(out / file, kMostFile) == hash ? std::string() : text(fs::path(file), " was changed or damaged");
  };
  for (const RecordedSample& s : record.samples) {
    std::string flaw = check(s.sample.file, s.sample.sha256);
    if (flaw.empty()) flaw = check(s.sample.preview, s.preview_sha256);
    if (!flaw.empty()) return flaw;
  }
  for (const RecordedPicture& p : record.pictures) {
    const std::string flaw = check(p.file, p.sha256);
    if (!flaw.empty()) return flaw;
  }
  return check(lineage_name(subject_id), record.lineage_sha256);
}

void remove_other_crops(const SubjectRecord& record, const std::string& subject_id, const fs::path& out) {
  const auto clean = [&](const char* folder, const char* suffix, const auto& kept) {
    std::vector<fs::path> others;
    std::error_code problem;
    for (fs::directory_iterator at(out / folder, problem), end; !problem && at != end; at.increment(problem)) {
      const std::string name = at->path().filename().string();
      if (is_crop_name(name, subject_id, suffix) && !kept(std::string(folder) + "/" + name)) others.push_back(at->path());
    }
    for (const fs::path& other : others) fs::remove(other, problem);
  };
  const auto is_named = [&](const auto member_of) {
    return [&record, member_of](const std::string& file) {
      for (const RecordedSample& s : record.samples) {
        if (s.sample.*member_of == file) return true;
      }
      return false;
    };
  };
  std::error_code problem;
  std::vector<fs::path> old;
  for (fs::directory_iterator at(out / "qc" / subject_id, problem), end; !problem && at != end; at.increment(problem)) {
    const std::string file = text("qc/", subject_id, "/", at->path().filename().string());
    const bool is_named_now =
        std::any_of(record.pictures.begin(), record.pictures.end(), [&](const RecordedPicture& p) { return p.file == file; });
    if (at->path().extension() == ".png" && !is_named_now) old.push_back(at->path());
  }
  for (const fs::path& picture : old) fs::remove(picture, problem);
  clean("crops", kCropSuffix, is_named(&Sample::file));
  clean("previews", kPreviewSuffix, is_named(&Sample::preview));
}

}  // namespace vitrine::imaging
