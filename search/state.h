// What a search keeps on disk besides its trials' runs: whose folder it is, and which trials failed.
#pragma once

#include <optional>
#include <string>

#include "search/search.h"

namespace vitrine {

// UsageError when the folder holds another search, naming the first difference, or files of one without its search.json. Writes nothing.
void check_search_claim(const SearchTask& task);
// Writes search.json where it is not yet. UsageError as above.
void claim_search(const SearchTask& task);

// The reason of a trial that failed before. DataError when the file was changed or is another trial's.
std::optional<std::string> read_failure(const std::filesystem::path& run);
// Also removes the saved states of its folds: whether there are any depends on the moment.
void write_failure(const std::filesystem::path& run, const std::string& reason);

}  // namespace vitrine
