#include "cli/mri/volume_record.h"

#include <algorithm>

#include "base/printable.h"

namespace vitrine::cli {
namespace {

Json vector_json(const imaging::Vec3& v) { return Json::array({v[0], v[1], v[2]}); }

Json with_field(Json value, const std::string& field) {
  Json out = Json::object();
  out["value"] = std::move(value);
  out["field"] = field;
  return out;
}

Json notes_json(const imaging::Notes& notes) {
  Json all = Json::array();
  for (const imaging::Note& n : notes) {
    Json one = Json::object();
    one["kind"] = n.warning ? "warning" : "note";
    one["text"] = n.text;
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

Json record(const imaging::ReadVolume& file) {
  const imaging::Geometry& g = file.stored;
  const imaging::HeaderFacts& f = file.facts;
  Json out = Json::object();
  out["format"] = f.format;
  out["size"] = with_field(Json::array({g.size[0], g.size[1], g.size[2]}), f.size_field);
  out["spacing_mm"] = with_field(vector_json(g.spacing), f.spacing_field);
  out["orientation"] = with_field(file.order.code, f.place);
  out["degrees_oblique"] = file.order.most_degrees_off();
  out["origin_lps_mm"] = with_field(vector_json(g.origin), f.place);
  Json direction = Json::array();
  for (std::size_t r = 0; r < 3; ++r)
    direction.push_back(Json::array({g.direction[3 * r], g.direction[3 * r + 1], g.direction[3 * r + 2]}));
  out["direction_lps"] = with_field(std::move(direction), f.place);
  out["units"] = with_field(f.units, f.units_field);
  out["type"] = with_field(f.type, f.type_field);
  out["scaling"] = with_field(f.scaling, f.scaling_field);
  const auto [low, high] = std::minmax_element(file.volume.data.begin(), file.volume.data.end());
  out["values"] = Json::array({*low, *high});
  out["file_sha256"] = file.file_sha256;
  out["voxels_sha256"] = file.voxels_sha256;
  out["notes"] = notes_json(file.notes);
  return out;
}

Json record(const imaging::DicomSeries& s, bool pseudonymise) {
  Json out = Json::object();
  out["number"] = s.number;
  out["patient"] = s.patient_key;
  out["study_uid"] = pseudonymise ? imaging::uid_key(s.study_uid) : printable(s.study_uid, 64);
  out["series_uid"] = pseudonymise ? imaging::uid_key(s.series_uid) : printable(s.series_uid, 64);
  if (!pseudonymise) {
    out["description"] = printable(s.description);
    out["protocol"] = printable(s.protocol);
    out["sequence_name"] = printable(s.sequence_name);
  }
  out["part"] = s.part;
  out["modality"] = printable(s.modality);
  out["image_type"] = printable(s.image_type, 200);
  out["compression"] = s.transfer_syntax;
  out["manufacturer"] = printable(s.manufacturer);
  out["model"] = printable(s.model);
  out["field_tesla"] = s.field_tesla;
  out["repetition_ms"] = s.repetition_ms;
  out["echo_ms"] = s.echo_ms;
  out["inversion_ms"] = s.inversion_ms;
  out["flip_degrees"] = s.flip_degrees;
  out["contrast_given"] = s.contrast_given;
  out["plane"] = s.plane;
  out["size"] = Json::array({s.columns, s.rows, s.slices});
  out["spacing_mm"] = Json::array({s.spacing[0], s.spacing[1], s.spacing[2]});
  out["files"] = s.files.size();
  out["skipped"] = s.skipped;
  return out;
}

Json record(const imaging::DicomFolder& folder, bool pseudonymise) {
  Json out = Json::object();
  out["format"] = "DICOM";
  Json series = Json::array();
  for (const imaging::DicomSeries& s : folder.series) series.push_back(record(s, pseudonymise));
  out["series"] = std::move(series);
  out["notes"] = notes_json(folder.notes);
  return out;
}

}  // namespace vitrine::cli
