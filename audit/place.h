// Does an audit stand where it belongs? A folder that holds by itself may still be another fold's, or be missing.
#pragma once

#include <filesystem>
#include <vector>

#include "audit/identity.h"

namespace vitrine::audit {

// `folder` as RUN/audit/fold_0. DataError when run.json is of another fold or training than the folder's name says or than RUN/fold_0 was trained
// by, when RUN/config.json names other options or data, when a table or the network of a finished fold is not the one that fold.json seals, and
// when the fold is finished while its audit is not (`finished`: there is a manifest): the end of it was taken away. An audit that lies elsewhere,
// alone, belongs nowhere: nothing is said.
void check_place(const std::filesystem::path& folder, const Identity& identity, bool finished);

// Of every run that these folders are of. DataError naming a finished fold without the audit of one of its trainings, where others have theirs,
// and a fold that is missing from a run that has its summary.
void check_folds(const std::vector<std::filesystem::path>& folders);

}  // namespace vitrine::audit
