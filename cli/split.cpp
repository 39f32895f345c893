// `vitrine split`: subjects dealt to a test part and folds.
#include "data/split.h"
#include "cli/command.h"

#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/output.h"
#include "cli/commands.h"
#include "cli/noted_manifest.h"
#include "cli/train_options.h"
#include "data/dataset.h"

namespace vitrine::cli {
namespace {

struct SplitCommand {
  std::string manifest, output;
  SplitOptions options;
};

void run_split(const SplitCommand& command) {
  const Manifest manifest = read_noted_manifest(command.manifest);
  std::vector<std::string> inputs{command.manifest};
  for (const Sample& s : manifest.samples) inputs.push_back((manifest.path.parent_path() / s.file).string());
  check_output(command.output, inputs);
  check_distinct_images(manifest);
  const Splits splits = make_splits(manifest, command.options);
  write_output(command.output, splits_json(splits));
  if (is_standard_output(command.output)) return;
  std::printf("%s: %zu subjects in the test part, %zu folds of the other %zu\n", shown(command.output).c_str(),
              splits.test.size(), splits.folds.size(), manifest.subjects().size() - splits.test.size());
}

}  // namespace

void add_split(Command app, Chosen& chosen) {
  const auto split = std::make_shared<SplitCommand>();
  const auto s = app.add_subcommand("split", "deal subjects to a test part and folds");
  s.add_option("manifest", split->manifest, "manifest.csv of prepared crops").required();
  s.add_option("-o,--output", split->output, "JSON to write").required();
  add_split_options(s, split->options);
  s.footer("Example: vitrine split prep/manifest.csv -o splits.json --folds 5");
  s.callback([=, &chosen] { chosen = [=] { run_split(*split); }; });
}

}  // namespace vitrine::cli
