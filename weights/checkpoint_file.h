// Any checkpoint file that Vitrine reads: the container is decided by the first bytes and never retried with another parser.
#pragma once

#include <filesystem>
#include <string_view>

#include "weights/network_choice.h"
#include "weights/tensor_file.h"

namespace vitrine {

enum class Container { safetensors, torch_zip, torch_legacy, tensorflow };

// `PK\x03\x04` is a zip, the pickle of torch.save's magic number a legacy stream; the last eight bytes tell TensorFlow's index; all else must be safetensors.
Container container_of(const ByteSource& source);
std::string_view container_name(Container container);

// The file that `path` means: itself, or `path`.index where only that exists (TensorFlow names a checkpoint by the common part of
// its files' names).
std::filesystem::path checkpoint_path(const std::filesystem::path& path);

// Every file that a checkpoint consists of: an output must be none of them. Those that are not there are left out.
std::vector<std::filesystem::path> files_of_checkpoint(const std::filesystem::path& path);

// The network of a checkpoint under its family's own names (weights/network_choice.h): what was chosen, dropped and left out stands in the
// remarks. WeightsError on any flaw; it says what a file is when it is no checkpoint (a Git LFS pointer, an HTML page, gzip).
TensorFile parse_checkpoint(const ByteSource& source, std::string_view file_name, WeightSet wanted = WeightSet::plain);
// Also the index of a TensorFlow checkpoint, or the common part of its files' names. Its moving averages, where it has any, are
// taken whatever is wanted, as its authors evaluate it; without any, WeightSet::averaged is refused.
TensorFile read_checkpoint(const std::filesystem::path& path, WeightSet wanted = WeightSet::plain);

}  // namespace vitrine
