#include "train/run_source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/output.h"
#include "train/cross_validation.h"

namespace vitrine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;

// A study's folder holds runs: their names, for whoever gives it in place of one.
std::string runs_of_study(const fs::path& folder) {
  std::string names;
  for (const fs::path& run : entries_of(folder / "runs")) {
    if (path_exists(run / "config.json")) names += text(names.empty() ? "" : ", ", run);
  }
  return names;
}

std::optional<SplitPart> part_in(const Json& json) {
  if (!json.contains("folds")) return std::nullopt;
  SplitPart part;
  for (const Json& fold : json.at("folds")) part.folds.push_back(fold.get<int>());
  part.test = json.at("test").get<bool>();
  return part;
}

}  // namespace

void write_source(const fs::path& run, const Manifest& manifest, const Splits& splits) {
  if (manifest.path.empty() || splits.path.empty()) return;
  Json json = Json::object();
  json["manifest"] = fs::proximate(fs::absolute(manifest.path), fs::absolute(run)).string();
  json["splits"] = fs::proximate(fs::absolute(splits.path), fs::absolute(run)).string();
  if (splits.part) {
    json["folds"] = splits.part->folds;
    json["test"] = splits.part->test;
  }
  const std::string bytes = json_text(json);
  if (path_exists(run / kRunSource) && read_file(run / kRunSource, kMaxBytes) == bytes) return;
  write_file(run / kRunSource, bytes);
}

RunSource read_source(const fs::path& run) {
  const fs::path path = run / kRunSource;
  const std::string bytes = as<DataError>([&] { return read_file(path, kMaxBytes); });
  try {
    const Json json = parse_json(bytes);
    // The paths were written for the run's own place: through a link to it `..` leads elsewhere.
    const auto from_run = [&](const char* name) {
      const fs::path here = (run / text_in(json, name)).lexically_normal();
      const fs::path there = (fs::weakly_canonical(run) / text_in(json, name)).lexically_normal();
      return !path_exists(here) && path_exists(there) ? there : here;
    };
    return {from_run("manifest"), from_run("splits"), part_in(json)};
  } catch (const std::exception& error) {
    throw DataError(text(path, ": ", error.what(), "; the folder of a run is expected"));
  }
}

RunData read_run_data(const fs::path& run) {
  if (!path_exists(run / "config.json")) {
    if (const std::string runs = runs_of_study(run); !runs.empty())
      throw DataError(text(run, " is the folder of a study; name one of its runs: ", runs));
    throw DataError(text(run, " has no config.json; it is not a run's folder, as `vitrine cv` and `vitrine train` write it"));
  }
  const RunSource source = read_source(run);
  for (const fs::path& file : {source.manifest, source.splits}) {
    if (!path_exists(file))
      throw DataError(
          text(file, " does not exist; ", run / kRunSource, " names it: put it back, or write its new place there"));
  }
  RunData data{read_manifest(source.manifest), {}};
  data.splits = read_splits(source.splits, data.manifest);
  if (source.part) {
    try {
      data.manifest = part_of(data.manifest, data.splits, *source.part);
      data.splits = part_of(data.splits, *source.part);
    } catch (const UsageError& error) {
      throw DataError(text(run / kRunSource, ": ", error.what()));
    }
  }
  check_is_of(run, data.splits);
  return data;
}

}  // namespace vitrine
