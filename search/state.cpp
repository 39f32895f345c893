#include "search/state.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "base/settings_file.h"
#include "base/sha256.h"
#include "base/version.h"
#include "train/resume.h"
#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxJson = std::uint64_t{16} << 20;
constexpr const char *kClaim = "search.json", *kFailed = "failed.json";

// Equal text means equal trials with equal results.
Settings identity(const SearchTask& task) {
  Settings all{{"version", std::string(version())}};
  for (auto& pair : describe(task.space)) all.push_back(std::move(pair));
  const auto searched = [&](const std::string& recorded) {
    return std::any_of(task.space.options.begin(), task.space.options.end(),
                       [&](const SearchedOption& o) { return recorded == o.row->recorded; });
  };
  for (auto& pair : describe(task.base.train)) {
    if (!searched(pair.first)) all.push_back(std::move(pair));
  }
  if (!task.base.train.weights.empty())
    all.emplace_back("weights_sha256", as<WeightsError>([&] {
                       return sha256_of_file(checkpoint_path(task.base.train.weights), kMaxCheckpointBytes);
                     }));
  all.emplace_back("manifest_sha256", task.splits.manifest_sha256);
  all.emplace_back("split_sha256", sha256(splits_json(task.splits)));
  return all;
}

void check_same(const fs::path& folder, const Settings& wanted) {
  check_same_settings(folder, read_settings(folder / kClaim, "it is not a search's folder"), wanted, "another search",
                      "choose another folder or delete it");
}

}  // namespace

void check_search_claim(const SearchTask& task) {
  if (path_exists(task.out / kClaim)) return check_same(task.out, identity(task));
  for (const char* name : {"trials", "trials.csv", "search.html", "final", "config.json"}) {
    if (path_exists(task.out / name))
      throw UsageError(text(task.out / name, " is there, but no ", kClaim, " of a search; choose another folder"));
  }
}

void claim_search(const SearchTask& task) {
  check_search_claim(task);
  const Settings wanted = identity(task);
  if (!create_file(task.out / kClaim, settings_json(wanted))) check_same(task.out, wanted);
}

std::optional<std::string> read_failure(const fs::path& run) {
  const fs::path path = run / kFailed;
  if (!path_exists(path)) return std::nullopt;
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxJson); });
  try {
    const Json json = parse_sealed_json(bytes);
    if (text_in(json, "config_sha256") != as<DataError>([&] { return sha256_of_file(run / "config.json", kMaxJson); }))
      throw std::runtime_error("it is of another trial");
    return text_in(json, "reason");
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), "; delete it, and the trial is trained again"));
  }
}

void write_failure(const fs::path& run, const std::string& reason) {
  for (const fs::path& entry : entries_of(run)) {
    if (is_folder(entry)) remove_resume_files(entry);
  }
  Json json = Json::object();
  json["reason"] = reason;
  json["config_sha256"] = sha256_of_file(run / "config.json", kMaxJson);
  write_file(run / kFailed, sealed_json_text(std::move(json)));
}

}  // namespace vitrine
