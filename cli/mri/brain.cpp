// `vitrine mri brain`: the brain of one volume.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/output.h"
#include "base/printable.h"
#include "cli/mri/commands.h"
#include "imaging/formats/read_volume.h"
#include "imaging/steps/brain.h"
#include "imaging/steps/mask.h"

namespace vitrine::cli {
namespace {

constexpr double kLesionMargin = 2;  // mm around a lesion that count as brain

struct BrainCommand {
  std::string image, output, lesion, record;
  bool quiet = false, verbose = false;
};

// The lesions on the image's grid.
imaging::Mask lesions_on(const imaging::Geometry& grid, const std::string& path, imaging::Notes& notes) {
  imaging::ReadVolume file = imaging::read_volume(path);
  const std::string what = text("the lesion mask ", path);
  if (imaging::corner_distance(grid, file.volume.geometry) > 0.5)
    throw DataError(
        text(what, ": its grid is not that of the image, expected the same size and place; resample it onto the image"));
  imaging::Mask mask = imaging::understood_lesion_mask(std::move(file.volume), file.order, what, notes).labels;
  for (float& v : mask.data) v = v != 0 ? 1.0f : 0.0f;
  return mask;
}

void run(const BrainCommand& command) {
  std::vector<std::string> inputs{command.image};
  if (!command.lesion.empty()) inputs.push_back(command.lesion);
  check_output(command.output, inputs);
  if (!command.record.empty()) {
    inputs.push_back(command.output);
    check_output(command.record, inputs);
  }
  const imaging::ReadVolume file = imaging::read_series(command.image);
  imaging::Brain brain = imaging::extract_brain(file.volume, {}, shown(command.image));
  Json record = imaging::record(brain);
  if (!command.lesion.empty()) {
    const imaging::Mask lesion = lesions_on(file.volume.geometry, command.lesion, brain.notes);
    double outside = 0, all = 0;
    for (std::size_t i = 0; i < lesion.data.size(); ++i) {
      all += lesion.data[i] != 0 ? 1 : 0;
      outside += lesion.data[i] != 0 && brain.mask.data[i] == 0 ? 1 : 0;
    }
    record["lesion_outside"] = outside / all;
    brain.mask = imaging::with_lesion(std::move(brain.mask), lesion, kLesionMargin);
    record["ml_with_lesion"] = imaging::volume_ml(brain.mask);
  }
  Json notes = Json::array();
  for (const imaging::Note& n : brain.notes) {
    notes.push_back({{"warning", n.warning}, {"text", n.text}});
    if (!command.quiet || n.warning) std::fprintf(stderr, "%s: %s\n", n.warning ? "warning" : "note", n.text.c_str());
  }
  record["notes"] = std::move(notes);
  imaging::write_mask_nifti(command.output, imaging::in_stored_order(std::move(brain.mask), file.order, file.stored));
  if (!command.record.empty()) write_output(command.record, record.dump(2) + "\n");
  if (command.verbose) std::fprintf(stderr, "%s\n", record.dump(2).c_str());
  if (!command.quiet) std::printf("%s\n", shown(command.output).c_str());
}

}  // namespace

void add_mri_brain(CLI::App& mri, Chosen& chosen) {
  const auto brain = std::make_shared<BrainCommand>();
  auto* b = mri.add_subcommand("brain", "the brain of a T1 volume with skull, as a mask on its own grid");
  b->add_option("image", brain->image, "T1 volume with skull, with or without contrast agent")->required();
  b->add_option("-o,--output", brain->output, "mask to write (.nii, .nii.gz): 1 in the brain, 0 outside")->required();
  b->add_option("--lesion", brain->lesion, "mask of lesions on the image's grid: they and 2 mm around them count as brain");
  b->add_option("--record", brain->record, "JSON to write: ml, share of the lesions outside, notes");
  b->add_flag("-v,--verbose", brain->verbose, "show the record");
  b->add_flag("-q,--quiet", brain->quiet, "nothing but warnings");
  b->footer("Example: vitrine mri brain t1c.nii.gz -o brain.nii.gz --record brain.json");
  b->callback([=, &chosen] { chosen = [=] { run(*brain); }; });
}

}  // namespace vitrine::cli
