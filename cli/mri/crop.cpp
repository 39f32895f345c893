// `vitrine mri crop`: squares around lesions, from volumes on one grid.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>

#include "base/csv.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/number.h"
#include "base/output.h"
#include "base/printable.h"
#include "cli/command.h"
#include "cli/mri/commands.h"
#include "cli/mri/volume_files.h"
#include "cli/progress_options.h"
#include "imaging/orientation.h"
#include "imaging/preview.h"
#include "imaging/steps/crop.h"
#include "imaging/steps/feather.h"
#include "imaging/steps/grid.h"
#include "tensor/tensor.h"
#include "weights/safetensors.h"

namespace vitrine::cli {
namespace {

constexpr const char* kTable = "crops.csv";

struct CropCommand {
  std::vector<std::string> images;
  std::string lesion, brain, output, mode = "fit", slices = "3";
  double fov = 64, distance = 2;
  int size = 64;
  ProgressMode progress = ProgressMode::automatic;
};

imaging::CropOptions options_of(const CropCommand& c) {
  imaging::CropOptions options;
  options.size = c.size;
  options.mode = imaging::crop_mode_named(c.mode);
  options.fov_mm = c.fov;
  options.distance_mm = c.distance;
  options.slices = imaging::slices_named(c.slices);
  imaging::check(options);
  return options;
}

// The name of a series in the crops: its file's without the ending.
std::string channel_name(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  for (const char* ending : {".nii.gz", ".nii"}) {
    if (name.ends_with(ending)) return name.substr(0, name.size() - std::string_view(ending).size());
  }
  return name;
}

// For pictures: values in [0, 1] as they are, others between their quantiles 0.01 and 0.995 over the volume.
struct Grey {
  float low = 0, high = 1;
  explicit Grey(const imaging::Volume& v) {
    const auto [least, most] = std::minmax_element(v.data.begin(), v.data.end());
    if (*least >= 0 && *most <= 1) return;
    low = static_cast<float>(imaging::quantile(v.data, 0.01));
    high = std::max(static_cast<float>(imaging::quantile(v.data, 0.995)), std::nextafter(low, INFINITY));
  }
  std::vector<float> shown(std::vector<float> values) const {
    for (float& x : values) x = (x - low) / (high - low);
    return values;
  }
};

struct Channels {
  std::string names;  // a, b, c
  std::vector<imaging::Volume> volumes;
  std::vector<Grey> greys;
};

Channels read_channels(const CropCommand& c, const imaging::LesionMask& lesion, const imaging::Volume& weight,
                       imaging::Notes& notes) {
  Channels channels;
  std::set<std::string> seen;
  for (const std::string& path : c.images) {
    const std::string name = channel_name(path);
    if (name.find(',') != name.npos || !seen.insert(name).second)
      throw UsageError(text("the images' names become the crops' channels: '", printable(name),
                            "' is there twice or holds a comma; rename the file"));
    imaging::Volume volume = imaging::read_series(path).volume;
    imaging::check_same_grid(volume.geometry, lesion.labels.geometry, shown(path), "the lesion mask", notes);
    if (!weight.data.empty()) volume = imaging::feathered(std::move(volume), weight);
    channels.names += (channels.names.empty() ? "" : ",") + name;
    channels.greys.emplace_back(volume);
    channels.volumes.push_back(std::move(volume));
  }
  return channels;
}

void write_crop(const CropCommand& c, const imaging::LesionSlice& slice, const Channels& channels) {
  const std::size_t pixels = static_cast<std::size_t>(c.size) * static_cast<std::size_t>(c.size), n = channels.volumes.size();
  std::vector<float> interleaved(pixels * n);
  std::vector<std::vector<float>> pictures;
  for (std::size_t channel = 0; channel < n; ++channel) {
    std::vector<float> values = imaging::crop_slice(channels.volumes[channel], slice, c.size);
    for (std::size_t p = 0; p < pixels; ++p) interleaved[n * p + channel] = values[p];
    pictures.push_back(channels.greys[channel].shown(std::move(values)));
  }
  TensorFile file;
  file.tensors.push_back(
      StoredTensor::from("image", Tensor::from({c.size, c.size, static_cast<std::int64_t>(n)}, interleaved)));
  file.metadata = {{"channels", channels.names},
                   {"orientation", imaging::kCropOrientation},
                   {"side_mm", shortest(static_cast<float>(slice.side_mm))}};
  const std::filesystem::path base = std::filesystem::path(c.output) / imaging::crop_name(slice);
  write_file(base.string() + ".safetensors", safetensors_bytes(file));
  write_file(base.string() + ".png", imaging::preview_png(pictures, c.size));
}

std::string table_of(const imaging::LesionSearch& found) {
  std::string csv = csv_line({"lesion", "slice", "area_mm2", "side_mm", "file", "volume_mm3", "left_out"});
  const auto volume_of = [&](int lesion) {
    for (const imaging::FoundLesion& l : found.lesions) {
      if (l.number == lesion) return fixed(l.volume_mm3, 1);
    }
    return std::string();
  };
  for (const imaging::LesionSlice& s : found.slices)
    csv += csv_line({text(s.lesion), text(s.slice), fixed(s.area_mm2, 1), fixed(s.side_mm, 2),
                     imaging::crop_name(s) + ".safetensors", volume_of(s.lesion), ""});
  for (const imaging::LeftOut& l : found.left_out)
    csv += csv_line({l.lesion > 0 ? text(l.lesion) : std::string(), "", "", "", "", fixed(l.volume_mm3, 1), l.reason});
  return csv;
}

void run(const CropCommand& c) {
  std::vector<std::string> inputs = c.images;
  inputs.push_back(c.lesion);
  if (!c.brain.empty()) inputs.push_back(c.brain);
  check_output_folder(c.output, inputs, {"l*", kTable});
  const imaging::CropOptions options = options_of(c);
  imaging::Notes notes;
  imaging::ReadVolume file = imaging::read_volume(c.lesion);
  const std::string what = text("the lesion mask ", std::filesystem::path(c.lesion));
  const imaging::LesionMask lesion = imaging::understood_lesion_mask(std::move(file.volume), file.order, what, notes);
  const imaging::LesionSearch found = imaging::find_lesion_slices(lesion, options, what, notes);
  imaging::Volume weight;
  if (!c.brain.empty())
    weight = imaging::feather_weight(read_brain_mask(c.brain, lesion.labels.geometry, "the lesion mask", notes), lesion.labels);
  const Channels channels = read_channels(c, lesion, weight, notes);
  tell(notes, c.progress);
  make_directory(c.output);
  for (const imaging::LesionSlice& s : found.slices) {
    check_interrupt("cropping");
    write_crop(c, s, channels);
  }
  const std::filesystem::path table = std::filesystem::path(c.output) / kTable;
  write_file(table, table_of(found));
  std::printf("%s\n", shown(table).c_str());
}

}  // namespace

void add_mri_crop(Command mri, Chosen& chosen) {
  const auto c = std::make_shared<CropCommand>();
  const auto p = mri.add_subcommand("crop", "cut squares around lesions from volumes on one grid");
  p.add_option("images", c->images, "volumes on the lesion mask's grid, one channel each, usually normalised").required();
  p.add_option("--lesion", c->lesion, "lesion mask: parts of one value, or labels").required();
  p.add_option("--brain", c->brain,
               "brain mask: 0 outside it, but for what lies up to 8 mm around a lesion, fading over 4 mm more");
  p.add_option("-o,--output", c->output, "folder to write: a safetensors file and a picture a crop, and crops.csv").required();
  p.add_option("--mode", c->mode, "fit: the square follows the lesion; fixed-fov: one side for all, so that size stays a cue")
      .capture_default_str();
  p.add_option("--fov", c->fov, "side of fixed-fov, mm").capture_default_str();
  p.add_option("--slices", c->slices, "axial slices a lesion at most, 1 to 9, or largest").capture_default_str();
  p.add_option("--distance", c->distance, "between the slices of a lesion at least, mm").capture_default_str();
  p.add_option("--size", c->size, "pixels along a side").range(8, 1024).capture_default_str();
  add_progress_options(p, c->progress);
  p.footer("Example: vitrine mri crop t1c-01.nii.gz flair-01.nii.gz --lesion lesion.nii.gz --brain brain.nii.gz -o crops");
  p.callback([=, &chosen] { chosen = [=] { run(*c); }; });
}

}  // namespace vitrine::cli
