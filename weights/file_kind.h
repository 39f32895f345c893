// What a file that is no checkpoint probably is, so that the refusal can say so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace vitrine {

// Larger files are refused before anything is read: the largest published EfficientNet (b7) has 266 MB.
constexpr std::uint64_t kMaxCheckpointBytes = std::uint64_t{4} << 30;

// The whole file. WeightsError when it is missing, not a regular file or too large.
std::string read_weights_bytes(const std::filesystem::path& path);

// "a Git LFS pointer; fetch the real file with 'git lfs pull'", "an HTML page; ...": empty when the first bytes are unknown.
std::string_view other_kind_of_file(std::string_view bytes);

}  // namespace vitrine
