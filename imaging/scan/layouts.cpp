#include "imaging/scan/layouts.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "base/names.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

bool all_digits(std::string_view s) {
  return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string parent_name(const fs::path& file) { return file.parent_path().filename().string(); }

// What follows "<key>-" in one of the pieces; empty when none begins so.
std::string entity(const std::vector<std::string>& pieces, std::string_view key) {
  for (const std::string& p : pieces) {
    if (p.starts_with(key) && p.size() > key.size() && p[key.size()] == '-') return p.substr(key.size() + 1);
  }
  return {};
}

std::optional<PlacedFile> place_bids(const fs::path& file) {
  const std::string stem = volume_stem(file);
  const std::vector<std::string> pieces = split_at(stem, '_');
  const std::string patient = entity(pieces, "sub"), session = entity(pieces, "ses"), suffix = pieces.back();
  if (patient.empty()) return std::nullopt;
  PlacedFile placed{"sub-" + patient, session, "", ""};
  const std::string label = case_folded(entity(pieces, "label")), desc = case_folded(entity(pieces, "desc"));
  const bool is_derived = std::any_of(file.begin(), file.end(), [](const fs::path& p) { return p == "derivatives"; });
  if (suffix == "mask" || suffix == "dseg") {
    const auto names = [&](std::string_view what) { return label.find(what) != label.npos || desc.find(what) != desc.npos; };
    if (names("brain"))
      placed.column = suffix == "mask" ? "brain_mask" : "";
    else if (names("lesion") || names("tumor") || names("tumour") || names("metast"))
      placed.column = "mask";
    if (placed.column.empty()) placed.why = "a mask that names neither lesion nor brain";
    return placed;
  }
  if (is_derived || parent_name(file) != "anat") return std::nullopt;
  if (!entity(pieces, "rec").empty() || !entity(pieces, "part").empty()) return std::nullopt;
  if (suffix == "FLAIR")
    placed.column = "flair";
  else if (suffix == "T2w")
    placed.column = "t2";
  else if (suffix == "T1w" && !entity(pieces, "ce").empty())
    placed.column = "t1c";
  else if (suffix == "T1w")
    placed.why = "T1 without contrast (no ce- in its name)";
  else
    return std::nullopt;
  return placed;
}

std::optional<PlacedFile> place_brats(const fs::path& file) {
  static const std::map<std::string, std::string> kColumns{
      {"t1c", "t1c"}, {"t2f", "flair"}, {"t2w", "t2"}, {"seg", "mask"}, {"t1n", ""}};
  const std::string stem = volume_stem(file), folder = parent_name(file);
  const std::size_t dash = stem.rfind('-');
  if (dash == stem.npos || stem.substr(0, dash) != folder) return std::nullopt;
  const auto found = kColumns.find(stem.substr(dash + 1));
  if (found == kColumns.end()) return std::nullopt;
  PlacedFile placed{folder, "", found->second, found->second.empty() ? "T1 without contrast" : ""};
  const std::size_t last = folder.rfind('-');  // BraTS-MET-00086-000
  if (last != folder.npos && std::count(folder.begin(), folder.end(), '-') == 3 && all_digits(folder.substr(last + 1))) {
    placed.patient = folder.substr(0, last);
    placed.session = folder.substr(last + 1);
  }
  return placed;
}

std::optional<PlacedFile> place_ucsf(const fs::path& file) {
  const std::string stem = volume_stem(file), folder = parent_name(file);
  if (folder.size() < 2 || !all_digits(folder.substr(0, folder.size() - 1)) || folder.back() < 'A' || folder.back() > 'Z')
    return std::nullopt;
  if (!stem.starts_with(folder + "_")) return std::nullopt;
  const std::string what = case_folded(stem.substr(folder.size() + 1));
  PlacedFile placed{folder.substr(0, folder.size() - 1), folder.substr(folder.size() - 1), "", ""};
  if (what == "t1post")
    placed.column = "t1c";
  else if (what == "flair")
    placed.column = "flair";
  else if (what == "seg")
    placed.column = "mask";
  else
    placed.why = what.starts_with("t2") ? "T2Synth is synthetic"
                 : what == "t1pre"      ? "T1 without contrast"
                                        : "not one of T1post, FLAIR, seg";
  return placed;
}

std::optional<PlacedFile> place_brainmetshare(const fs::path& file) {
  const std::string stem = case_folded(volume_stem(file)), folder = parent_name(file);
  if (!folder.starts_with("Mets_") || !all_digits(folder.substr(5))) return std::nullopt;
  PlacedFile placed{folder, "", "", ""};
  if (stem == "bravo")
    placed.column = "t1c";
  else if (stem == "flair")
    placed.column = "flair";
  else if (stem == "seg")
    placed.column = "mask";
  else if (stem == "t1_gd")
    placed.why = "bravo is taken for T1c";
  else if (stem == "t1_pre")
    placed.why = "T1 without contrast";
  else
    return std::nullopt;
  return placed;
}

std::optional<PlacedFile> place_yale(const fs::path& file) {
  const std::string stem = volume_stem(file), date = parent_name(file), patient = parent_name(file.parent_path());
  if (date.empty() || patient.empty() || !stem.starts_with(patient + "_" + date + "_")) return std::nullopt;
  const std::string suffix = stem.substr(stem.rfind('_') + 1);
  PlacedFile placed{patient, date, "", ""};
  if (suffix == "POST")
    placed.column = "t1c";
  else if (suffix == "FLAIR")
    placed.column = "flair";
  else if (suffix == "T2")
    placed.column = "t2";
  else if (suffix == "PRE")
    placed.why = "T1 without contrast";
  else
    return std::nullopt;
  return placed;
}

std::optional<PlacedFile> place_lung_path(const fs::path& file) {
  constexpr std::size_t kId = 15;  // YG_ and twelve characters
  const std::string stem = volume_stem(file), folder = parent_name(file);
  const std::string named = stem.starts_with("YG_") ? stem : folder.starts_with("YG_") ? folder : std::string();
  if (named.size() < kId) return std::nullopt;
  PlacedFile placed{named.substr(0, kId), "", "", ""};
  const std::string rest = case_folded(stem.starts_with("YG_") ? stem.substr(kId) : stem);
  const auto has = [&](std::string_view what) { return rest.find(what) != rest.npos; };
  const bool is_mask = has("mask") || has("seg") || has("core") || has("label") || has("roi");
  if (has("t1ce") || has("t1c") || has("t1_post"))
    placed.column = is_mask ? "mask" : "t1c";
  else if (has("flair") && !is_mask)
    placed.column = "flair";
  else if (has("flair"))
    placed.why = "the lesion is taken from T1CE's mask";
  else
    return std::nullopt;
  return placed;
}

}  // namespace

std::string volume_stem(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const std::string_view ending : {".nii.gz", ".nii", ".nrrd", ".mha"}) {
    if (name.size() > ending.size() && name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  }
  return {};
}

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all{{"bids", "", "", false, false, place_bids},
                                       {"brats", "BraTS-METS", "1;3", true, true, place_brats},
                                       {"ucsf", "UCSF-BMSR", "1", true, true, place_ucsf},
                                       {"brainmetshare", "BrainMetShare", "", false, false, place_brainmetshare},
                                       {"yale", "Yale-Brain-Mets-Longitudinal", "", false, false, place_yale},
                                       {"lung-path", "Brain-Mets-Lung-MRI-Path-Segs", "", false, false, place_lung_path}};
  return all;
}

}  // namespace vitrine::imaging
