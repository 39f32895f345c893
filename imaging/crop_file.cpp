#include "imaging/crop_file.h"

#include "base/sha256.h"
#include "imaging/orientation.h"
#include "imaging/preview.h"
#include "weights/safetensors.h"

namespace vitrine::imaging {

MadeCrop make_crop(const CropOwner& owner, const LesionSlice& slice, const std::vector<PreparedChannel>& from, int size) {
  MadeCrop made;
  Sample& sample = made.recorded.sample;
  sample = named_sample(owner.subject_id, owner.label, slice.lesion, static_cast<int>(slice.slice));
  sample.side_mm = slice.side_mm;
  const std::size_t channels = from.size();
  std::vector<std::vector<float>> slices;
  std::vector<float> interleaved(static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * channels);
  std::string names;
  for (std::size_t c = 0; c < channels; ++c) {
    slices.push_back(crop_slice(from[c].volume, slice, size));
    for (std::size_t i = 0; i < slices[c].size(); ++i) interleaved[channels * i + c] = slices[c][i];
    names += (c > 0 ? "," : "") + from[c].column;
  }
  TensorFile file;
  file.tensors.push_back(
      StoredTensor::from("image", Tensor::from({size, size, static_cast<std::int64_t>(channels)}, interleaved)));
  file.metadata = {
      {"channels", names}, {"subject_id", owner.subject_id}, {"label", owner.label}, {"orientation", kCropOrientation}};
  if (!owner.without.empty()) file.metadata.emplace("without", owner.without);
  made.crop = safetensors_bytes(file);
  made.preview = preview_png(slices, size);
  sample.sha256 = sha256(made.crop);
  made.recorded.preview_sha256 = sha256(made.preview);
  return made;
}

}  // namespace vitrine::imaging
