// The half of the lineage that reads volumes.
#include <map>

#include "base/error.h"
#include "base/number.h"
#include "cli/audit_lineage.h"
#include "imaging/lineage_source.h"

namespace vitrine::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostVoxelLines = 400;

Json vec_json(const imaging::Vec3& v) { return Json::array({v[0], v[1], v[2]}); }

std::string vec_text(const imaging::Vec3& v, int digits) {
  return text("(", fixed(v[0], digits), ", ", fixed(v[1], digits), ", ", fixed(v[2], digits), ")");
}

Json series_json(const imaging::ChannelOrigin& o) {
  const imaging::Normalized& n = o.series.normalisation;
  Json json{
      {"column", o.column}, {"file", o.file.string()}, {"stored_as", o.stored_as}, {"interpolated", o.series.interpolated}};
  const imaging::RigidTransform& t = o.series.transform;
  json["transform"] = {
      {"angles", vec_json(t.angles)}, {"translation_mm", vec_json(t.translation)}, {"centre_mm", vec_json(t.centre)}};
  json["blur_mm"] = vec_json(o.blur_mm);
  json["bias_corrected"] = o.series.bias.has_value();
  json["normalisation"] = {
      {"method", name_of(n.method)}, {"mean", n.mean}, {"deviation", n.deviation}, {"offset", n.offset}, {"scale", n.scale}};
  json["grid_slice"] = o.slice;
  return json;
}

Json pixel_json(const imaging::PixelOrigin& p) {
  Json grid = Json::array(), voxels = Json::array();
  for (const imaging::GridVoxel& g : p.grid)
    grid.push_back({{"i", g.i},
                    {"j", g.j},
                    {"weight", g.weight},
                    {"feather", g.feather},
                    {"seen", g.is_seen},
                    {"index", vec_json(g.index)},
                    {"interpolated", g.interpolated},
                    {"field", g.field},
                    {"shown", g.shown}});
  for (const imaging::VoxelOfPixel& v : p.voxels)
    voxels.push_back({{"i", v.voxel[0]}, {"j", v.voxel[1]}, {"k", v.voxel[2]}, {"value", v.value}, {"weight", v.weight}});
  return {{"y", p.pixel.y},          {"x", p.pixel.x},
          {"value", p.value},        {"bits", bits_text(p.value)},
          {"grid", std::move(grid)}, {"voxels", std::move(voxels)}};
}

std::vector<std::string> series_lines(const imaging::ChannelOrigin& o) {
  std::vector<std::string> lines{text("series  ", o.column, ": ", o.file, ", stored as ", o.stored_as)};
  const imaging::RigidTransform& t = o.series.transform;
  if (!o.series.interpolated) lines.push_back("place   T1c's own grid: voxels are taken as they are");
  if (o.series.interpolated)
    lines.push_back(text("place   linear between 8 voxels; turned by ", vec_text(t.angles, 6), " about ", vec_text(t.centre, 3),
                         " mm, moved by ", vec_text(t.translation, 6), " mm"));
  if (o.blur_mm != imaging::Vec3{})
    lines.push_back(text("blur    Gaussian of ", vec_text(o.blur_mm, 3), " mm (full width at half maximum) before"));
  float low = 0, high = 0, feather_low = 1;
  for (const imaging::PixelOrigin& p : o.pixels) {
    for (const imaging::GridVoxel& g : p.grid) {
      low = low == 0 ? g.field : std::min(low, g.field);
      high = std::max(high, g.field);
      feather_low = std::min(feather_low, g.feather);
    }
  }
  const imaging::Normalized& n = o.series.normalisation;
  const bool z = n.method == imaging::NormalizationMethod::zscore;
  lines.push_back(
      text("applied ", o.series.bias ? text("field ", shortest(low), " to ", shortest(high)) : std::string("no field"), "; ",
           z ? text("((v - ", shortest(n.mean), ") / ", shortest(n.deviation), " + 3) / 9")
             : text("(v - ", shortest(n.offset), ") / ", shortest(n.scale)),
           " clipped to 0 to 1; feathering ", feather_low < 1 ? text("down to ", shortest(feather_low)) : std::string("1")));
  return lines;
}

// The voxels of all of the use's pixels, each with its weight in the view.
void add_voxel_lines(const imaging::ChannelOrigin& o, const PixelUse& use, std::vector<std::string>& lines) {
  struct Sum {
    float value = 0;
    double weight = 0;
  };
  std::map<imaging::VoxelIndex, Sum> sums;  // by k, j, i
  double share_of_mean = 0;
  for (const ImagePixel& p : use.pixels)
    share_of_mean += p.is_mean ? p.weight / static_cast<double>(use.crop_pixels.size()) : 0;
  for (const imaging::PixelOrigin& origin : o.pixels) {
    double weight = share_of_mean;
    for (const ImagePixel& p : use.pixels)
      weight += !p.is_mean && p.y == origin.pixel.y && p.x == origin.pixel.x ? p.weight : 0;
    for (const imaging::VoxelOfPixel& v : origin.voxels) {
      Sum& sum = sums[{v.voxel[2], v.voxel[1], v.voxel[0]}];
      sum.value = v.value;
      sum.weight += weight * v.weight;
    }
  }
  std::size_t told = 0;
  for (const auto& [kji, sum] : sums) {
    if (sum.weight == 0 || ++told > kMostVoxelLines) continue;
    lines.push_back(
        text("voxel   i ", kji[2], ", j ", kji[1], ", k ", kji[0], "  value ", shortest(sum.value), "  weight ", sum.weight));
  }
  if (told > kMostVoxelLines) lines.push_back(text("and ", told - kMostVoxelLines, " more voxels; --json has all of them"));
}

std::string label_of(const Manifest& manifest, const std::string& subject) { return manifest.labels().at(subject); }

// Why a chain ends at the crops of this folder; empty when it goes on.
std::string no_volumes(const fs::path& prep) {
  if (imaging::is_prepared_folder(prep)) return {};
  return text("the chain ends at the crop's file: ", prep, " was not made by `vitrine mri prep`, so there are no volumes");
}

}  // namespace

UseOrigin volume_origin(const Manifest& manifest, const PixelUse& use, const std::string& channel) {
  UseOrigin result;
  const fs::path prep = manifest.path.parent_path();
  result.ends_at_crop = no_volumes(prep);
  if (!result.ends_at_crop.empty()) return result;
  const std::string& subject = use.sample.subject_id;
  const imaging::SubjectSource source = imaging::read_subject_source(prep, subject, label_of(manifest, subject));
  const std::map<std::string, fs::path> files = imaging::volume_files(prep, subject);
  if (!files.contains(channel))
    throw DataError(text("the cohort's table has no ", channel, " of subject ", subject, " any more"));
  std::vector<imaging::CropPixel> pixels;
  for (const auto& [y, x] : use.crop_pixels) pixels.push_back({y, x});
  const imaging::ChannelOrigin origin = imaging::channel_origin(source, files.at(channel), channel, use.sample, pixels);
  for (const imaging::PixelOrigin& p : origin.pixels) result.values.push_back(p.value);
  result.file = shown(origin.file);
  result.changed = origin.changed;
  result.lines = series_lines(origin);
  add_voxel_lines(origin, use, result.lines);
  result.json["series"] = series_json(origin);
  result.json["crop_pixels"] = Json::array();
  for (const imaging::PixelOrigin& p : origin.pixels) result.json["crop_pixels"].push_back(pixel_json(p));
  return result;
}

VoxelTouches voxel_touches(const Manifest& manifest, const std::string& file, const std::array<std::int64_t, 3>& voxel) {
  const fs::path prep = manifest.path.parent_path();
  if (const std::string why = no_volumes(prep); !why.empty()) throw DataError(why);
  const imaging::FilePlace place = imaging::place_of_file(prep, file);
  VoxelTouches touches{place.subject_id, place.column, {}};
  const auto labels = manifest.labels();
  const auto label = labels.find(place.subject_id);
  if (label == labels.end())
    throw DataError(text(fs::path(file), " is of subject ", place.subject_id, ", of whom the run has no crop"));
  const imaging::SubjectSource source = imaging::read_subject_source(prep, place.subject_id, label->second);
  const imaging::VoxelIndex index = imaging::anatomical_index(file, voxel);
  for (const Sample& s : manifest.samples) {
    if (s.subject_id != place.subject_id) continue;
    VoxelTouches::Crop crop{s.sample_id, {}};
    const imaging::CropChain chain(source.lineage, place.column, s.lesion_id, s.slice);
    for (const auto& [pixel, weight] : chain.touched(index)) crop.pixels.push_back({pixel.y, pixel.x, weight});
    if (!crop.pixels.empty()) touches.crops.push_back(std::move(crop));
  }
  return touches;
}

std::vector<Fingerprint> volume_fingerprints(const Manifest& manifest, std::string& left_out) {
  const fs::path prep = manifest.path.parent_path();
  std::vector<Fingerprint> prints;
  if (!imaging::is_prepared_folder(prep)) {
    left_out = text("the files of volumes were not compared: ", prep, " was not made by `vitrine mri prep`");
    return prints;
  }
  for (const auto& [subject, label] : manifest.labels()) {
    const imaging::SubjectRecord record = imaging::read_subject_record(prep, subject, label);
    for (const char* column : {"t1c", "flair", "t2", "mask", "brain_mask"}) {
      if (record.inputs.contains(column)) prints.push_back({subject, "volume file", text_in(record.inputs, column), column});
    }
    for (const auto& [column, hash] : record.voxels_sha256) prints.push_back({subject, "volume", hash, column});
  }
  return prints;
}

}  // namespace vitrine::cli
