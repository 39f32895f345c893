#include "cli/audit_folds.h"

#include "audit/verify.h"
#include "base/error.h"
#include "base/number.h"
#include "cli/command.h"

namespace vitrine::cli {

namespace fs = std::filesystem;

fs::path folder_of(const FoldWords& words) {
  const std::vector<fs::path> folders = audit::audits_of(words.run);
  if (folders.front().parent_path() != folders.back().parent_path())
    throw UsageError(text(fs::path(words.run), " is a study of several runs; name one of them, as ",
                          folders.front().parent_path().parent_path()));
  if (!words.fold || (folders.size() == 1 && *words.fold == 0)) return folders.front();
  for (const fs::path& folder : folders) {
    if (folder.filename() == text("fold_", *words.fold)) return folder;
  }
  throw UsageError(text("--fold is ", *words.fold, ", ", fs::path(words.run), " has audits of ", folders.size(), " folds"));
}

void add_fold(Command app, FoldWords& words, const char* fold) {
  app.add_option("run", words.run, "folder of a run that was trained with --audit, or of one fold's audit in it").required();
  app.add_option("--fold", words.fold, fold);
  app.add_flag("--json", words.json, "as JSON");
}

std::string is_step_number(const std::string& word) {
  std::int64_t number = 0;
  const bool is_number = parse_number(word, number) && number >= 0;
  return is_number ? std::string() : text("'", printable(word, 40), "' is no step, a whole number from 0 is expected");
}

}  // namespace vitrine::cli
