// Whose folder it is: a run claims one by its config.json, which says with what options and on which data it is trained. Equal settings mean an
// equal run: it is gone on with; others are refused.
#pragma once

#include <filesystem>
#include <string>

#include "base/settings_file.h"
#include "data/manifest.h"
#include "data/split.h"
#include "train/options.h"

namespace vitrine {

inline constexpr const char* kRunConfig = "config.json";

// Version, options, hashes of weights, manifest and split. WeightsError when the weights cannot be read.
Settings run_identity(const Splits& splits, const TrainOptions& options);
Settings read_run_options(const std::filesystem::path& run);  // DataError when there are none, or they are malformed

// UsageError for the folder of a study or a search, and for one with parts of a run but without its config.json.
void refuse_foreign(const std::filesystem::path& run);
// UsageError when `run` holds a run with other options or data, naming the first difference; writes nothing.
void check_claim(const std::filesystem::path& run, const Splits& splits, const TrainOptions& options);
// The run belongs to the first that writes its config.json; whoever comes later must want the same. Errors as of both above.
void claim_folder(const std::filesystem::path& run, const Settings& wanted, const Manifest& manifest, const Splits& splits);
// Somebody may have moved the folder away, or begun another run in its place, since it was claimed: Error (exit code 1).
void check_still_claimed(const std::filesystem::path& run, const Settings& wanted);

// DataError for a folder that is no run's; a study's names its runs.
void check_is_run(const std::filesystem::path& run);
// DataError unless the run is of this split and its manifest, and of these inputs where they are named.
void check_is_of(const std::filesystem::path& run, const Splits& splits, const std::string& inputs = {});

}  // namespace vitrine
