// The tables of a search: trials.csv and the page.
#pragma once

#include <string>

#include "report/search_page.h"
#include "search/search.h"

namespace vitrine {

// Columns: trial, rung, epochs, every other searched option, score (mean over the folds), sd, folds (with a score), fold_<k> for each,
// image_visits, state (done or failed), reason. Empty where there is no value.
std::string trials_csv(const SearchTask& task, const SearchResult& result);

report::SearchPage search_page(const SearchTask& task, const SearchResult& result, const std::optional<FinalRun>& final);

}  // namespace vitrine
