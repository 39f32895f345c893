// The folder of a preparation (imaging/prep.h) as a page of quality control.
//
// Read       prep.json (what was refused), manifest.csv (which subjects there are, their classes), and for each subject its record, crops,
//            previews and pictures for quality control (OUT/qc/<subject>/<name>.png, `pictures` of the record)
// Damaged    a record or a file that has not the hash written down for it is not shown; the page says so at the subject
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/qc.h"

namespace vitrine::imaging {

struct QcEntry {
  std::string id, label;
  std::string refused;                       // why; empty: there is a record
  std::optional<Json> record;                // without its seal
  std::map<std::string, std::string> files;  // names of the columns' files, if they are known
};

struct QcFolder {
  std::vector<QcEntry> subjects;   // refused ones, then those of the manifest in its order
  std::vector<std::string> lines;  // what is odd about the folder
};

// DataError for a folder that is none of a finished preparation; Interrupted.
QcFolder read_qc_folder(const std::filesystem::path& prep);

struct QcPageOptions {
  std::filesystem::path page_folder;  // where the page will lie: for links
  bool embed = true;                  // pictures in the page; false: links to their files
  std::size_t most_embedded = std::size_t{48} << 20;
  bool refuse_damage = false;  // DataError instead of a word on the page: for files that were written just now
};

// Interrupted.
report::QcPage qc_page_of(const QcFolder& folder, const std::filesystem::path& prep, const QcPageOptions& options);

// The files that a page is made of: for a command that must not write over them.
std::vector<std::string> qc_inputs(const std::filesystem::path& prep);

}  // namespace vitrine::imaging
