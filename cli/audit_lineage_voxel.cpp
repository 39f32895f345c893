// `vitrine audit lineage RUN --voxel FILE,i,j,k`: from a voxel to every pixel that it touches.
#include <algorithm>
#include <cstdio>
#include <set>

#include "base/error.h"
#include "base/number.h"
#include "cli/audit_lineage.h"
#include "data/dataset.h"
#include "train/run_source.h"

namespace vitrine::cli {
namespace {

// The part of the fold that trains on, chooses by or tests with a subject.
std::string part_of(const RunData& data, int fold, const std::string& subject) {
  const auto holds = [&](const std::vector<std::string>& part) {
    return std::find(part.begin(), part.end(), subject) != part.end();
  };
  const Fold& f = data.splits.folds.at(static_cast<std::size_t>(fold));
  if (holds(data.splits.test)) return "test";
  if (holds(f.validation)) return "validation";
  return holds(f.inner) ? "train, inner" : "train";
}

void print_crops(const VoxelTouches& touches, const std::string& part) {
  for (const VoxelTouches::Crop& crop : touches.crops) {
    for (const WeightedPixel& p : crop.pixels)
      std::printf("%s (%s)  crop pixel y %lld, x %lld  weight %s\n", printable(crop.sample_id).c_str(), part.c_str(),
                  static_cast<long long>(p.y), static_cast<long long>(p.x), text(p.weight).c_str());
  }
}

Json crops_json(const VoxelTouches& touches) {
  Json crops = Json::array();
  for (const VoxelTouches::Crop& crop : touches.crops) {
    Json pixels = Json::array();
    for (const WeightedPixel& p : crop.pixels) pixels.push_back({{"y", p.y}, {"x", p.x}, {"weight", p.weight}});
    crops.push_back({{"sample_id", crop.sample_id}, {"pixels", std::move(pixels)}});
  }
  return crops;
}

std::vector<TouchedInput> inputs_of_step(const LineageCommand& c, const VoxelTouches& touches) {
  const LineageRun run = read_lineage_run(c.run, c.fold);
  const LineageBatch batch = batch_of_step(run, *c.step);
  std::vector<TouchedInput> inputs;
  for (const VoxelTouches::Crop& crop : touches.crops) {
    for (TouchedInput& t : touched_inputs(run, batch, crop.sample_id, touches.channel, crop.pixels))
      inputs.push_back(std::move(t));
  }
  std::stable_sort(inputs.begin(), inputs.end(), [](const TouchedInput& a, const TouchedInput& b) { return a.slot < b.slot; });
  return inputs;
}

}  // namespace

void run_audit_voxel(const LineageCommand& c) {
  std::size_t at = c.voxel.size();
  for (int comma = 0; comma < 3 && at != std::string::npos && at > 0; ++comma) at = c.voxel.rfind(',', at - 1);
  if (at == std::string::npos || at == 0)
    throw UsageError(text("--voxel is '", printable(c.voxel, 60), "', expected FILE,i,j,k"));
  const std::vector<std::int64_t> v = numbers_of(c.voxel.substr(at + 1), "--voxel", "FILE,i,j,k", 3);
  const RunData data = read_run_data(c.run);
  const auto folds = static_cast<int>(data.splits.folds.size());
  if (c.fold < 0 || c.fold >= folds) throw UsageError(text("--fold is ", c.fold, ", the split has the folds 0 to ", folds - 1));
  const VoxelTouches touches = voxel_touches(data.manifest, c.voxel.substr(0, at), {v[0], v[1], v[2]});
  const std::string part = part_of(data, c.fold, touches.subject_id);
  std::vector<TouchedInput> inputs;
  if (c.step) inputs = inputs_of_step(c, touches);
  if (c.json) {
    Json json{{"file", c.voxel.substr(0, at)}, {"voxel", v},     {"subject_id", touches.subject_id},
              {"channel", touches.channel},    {"fold", c.fold}, {"part", part}};
    json["crops"] = crops_json(touches);
    if (c.step) json["step"] = *c.step;
    if (c.step) json["inputs"] = Json::array();
    for (const TouchedInput& t : inputs)
      json["inputs"].push_back(
          {{"slot", t.slot}, {"sample_id", t.sample_id}, {"c", t.c}, {"y", t.y}, {"x", t.x}, {"weight", t.weight}});
    std::printf("%s", json_text(json).c_str());
    return;
  }
  std::printf("%s (%lld, %lld, %lld): %s of subject %s\n", printable(c.voxel.substr(0, at)).c_str(),
              static_cast<long long>(v[0]), static_cast<long long>(v[1]), static_cast<long long>(v[2]),
              channel_title(touches.channel).c_str(), printable(touches.subject_id).c_str());
  print_crops(touches, part);
  std::size_t pixels = 0;
  for (const VoxelTouches::Crop& crop : touches.crops) pixels += crop.pixels.size();
  std::printf("%zu crop pixels of %zu crops\n", pixels, touches.crops.size());
  if (!c.step) return;
  for (const TouchedInput& t : inputs)
    std::printf("step %lld  slot %zu, pixel c %lld, y %lld, x %lld  weight %s  through %s\n", static_cast<long long>(*c.step),
                t.slot, static_cast<long long>(t.c), static_cast<long long>(t.y), static_cast<long long>(t.x),
                text(t.weight).c_str(), printable(t.sample_id).c_str());
  std::printf("%zu pixels of the batch of step %lld\n", inputs.size(), static_cast<long long>(*c.step));
}

}  // namespace vitrine::cli
