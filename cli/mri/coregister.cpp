// `vitrine mri coregister`: one series moved onto the grid of another of the same head.
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "base/json.h"
#include "base/output.h"
#include "base/printable.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/progress_options.h"
#include "imaging/formats/read_volume.h"
#include "imaging/steps/registration_checks.h"

namespace vitrine::cli {
namespace {

struct CoregisterCommand {
  std::string fixed, moving, output, transform, mask, preset = "vitrine", interpolation = "linear";
  ProgressMode progress = ProgressMode::automatic;
};

using imaging::Notes;

void check_outputs(const CoregisterCommand& c) {
  std::vector<std::string> inputs{c.fixed, c.moving};
  if (!c.mask.empty()) inputs.push_back(c.mask);
  check_output(c.output, inputs);
  const bool is_nifti = c.output.ends_with(".nii") || c.output.ends_with(".nii.gz");
  if (!is_nifti)
    throw UsageError(text("the output is '", printable(c.output), "', a name that ends in .nii or .nii.gz was expected"));
  if (c.transform.empty()) return;
  check_output(c.transform, inputs);
  if (c.transform == c.output)
    throw UsageError(text("-o and --transform both name '", printable(c.output), "'; give each its own file"));
}

// 1 inside. A probability counts from 0.5 on.
imaging::Mask read_mask(const std::string& path) {
  imaging::Mask mask = imaging::read_volume(path).volume;
  bool is_empty = true;
  for (float& v : mask.data) {
    v = v >= 0.5F ? 1.0F : 0.0F;
    is_empty = is_empty && v == 0;
  }
  if (is_empty)
    throw DataError(
        text("the mask ", std::filesystem::path(path), " has no voxel of 0.5 or more; give one that marks the brain"));
  return mask;
}

std::string transform_json(const CoregisterCommand& c, const imaging::ReadVolume& fixed, const imaging::ReadVolume& moving,
                           const imaging::Registration& r, const Notes& notes) {
  Json out = imaging::record(r);
  out["from"] = "points of the fixed volume, mm, LPS";
  out["to"] = "points of the moving volume, mm, LPS";
  out["fixed_sha256"] = fixed.file_sha256;
  out["moving_sha256"] = moving.file_sha256;
  out["interpolation"] = c.interpolation;
  Json checks = Json::object();
  checks["mirror_ratio"] = imaging::mirror_ratio(r);
  checks["peak_ratio"] = imaging::peak_ratio(r);
  checks["notes"] = Json::array();
  for (const imaging::Note& n : notes) checks["notes"].push_back({{"warning", n.warning}, {"text", n.text}});
  out["checks"] = checks;
  return json_text(out);
}

void run(const CoregisterCommand& c) {
  check_outputs(c);
  const imaging::Interpolation interpolation = imaging::interpolation_named(c.interpolation);
  imaging::RegistrationOptions options;
  options.preset = imaging::registration_preset(c.preset);
  const imaging::ReadVolume fixed = imaging::read_series(c.fixed), moving = imaging::read_series(c.moving);
  imaging::Mask mask;
  if (!c.mask.empty()) {
    mask = read_mask(c.mask);
    options.fixed_mask = &mask;
  }
  const std::string what = shown(c.moving) + " to " + shown(c.fixed);
  const imaging::Registration r = imaging::register_rigid(fixed.volume, moving.volume, options, what);
  const Notes notes = imaging::checked(r, "the moving series", what);
  Progress progress(c.progress);
  for (const imaging::Note& n : notes) n.warning ? progress.warn(n.text) : progress.line(n.text);
  const imaging::Volume out = imaging::resample(moving.volume, fixed.volume.geometry, r.transform, interpolation);
  imaging::write_nifti(c.output, imaging::in_stored_order(out, fixed.order, fixed.stored));
  if (!c.transform.empty()) write_output(c.transform, transform_json(c, fixed, moving, r, notes));
  std::printf("%s\n", shown(c.output).c_str());
}

}  // namespace

void add_mri_coregister(Command mri, Chosen& chosen) {
  const auto c = std::make_shared<CoregisterCommand>();
  const auto m = mri.add_subcommand("coregister", "move a series onto the grid of another of the same head (rigid)");
  m.add_option("--fixed", c->fixed, "series that stays, usually T1c").required();
  m.add_option("--moving", c->moving, "series that is moved").required();
  m.add_option("-o,--output", c->output, "NIfTI to write: the moving series on the fixed one's grid").required();
  m.add_option("--transform", c->transform,
               "JSON to write: `matrix` (4 x 4, LPS mm, fixed points to moving points), figures, checks");
  m.add_option("--preset", c->preset, "vitrine, or spm: as SPM12's coreg, from the headers as they are").capture_default_str();
  m.add_option("--mask", c->mask, "brain or head mask of the fixed series: the last level looks there and 10 mm around it");
  m.add_option("--interpolation", c->interpolation, "linear, or cubic (B-spline, kept within the series' values)")
      .capture_default_str();
  add_progress_options(m, c->progress);
  m.footer(
      "Example: vitrine mri coregister --fixed t1c.nii.gz --moving flair.nii.gz -o flair_on_t1c.nii.gz --transform flair.json");
  m.callback([=, &chosen] { chosen = [=] { run(*c); }; });
}

}  // namespace vitrine::cli
