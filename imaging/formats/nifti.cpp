#include "imaging/formats/nifti.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "imaging/formats/gzip.h"
#include "imaging/formats/nifti_header.h"
#include "imaging/formats/voxels.h"

namespace vitrine::imaging {
namespace {

constexpr std::size_t kPieceVoxels = std::size_t{1} << 18;

constexpr std::uint64_t kMaxPairHeader = 16 * 1024 * 1024;

namespace fs = std::filesystem;

// The name without .gz, and whether it ended so.
std::pair<fs::path, bool> without_gz(const fs::path& path) {
  if (path.extension() != ".gz") return {path, false};
  fs::path stem = path;
  return {stem.replace_extension(), true};
}

bool is_img(const fs::path& path) {
  const fs::path extension = without_gz(path).first.extension();
  return extension == ".img" || extension == ".IMG";
}

// The other file of a pair: beside `path`, with this extension.
fs::path twin(const fs::path& path, const char* lower, const char* upper) {
  for (const char* extension : {lower, upper}) {
    fs::path other = without_gz(path).first;
    other.replace_extension(extension);
    if (path_exists(other)) return other;
    other += ".gz";
    if (path_exists(other)) return other;
  }
  throw DataError(text(path, " is one file of a .hdr/.img pair, and the other, ", lower, " or ", lower,
                       ".gz of the same name, does not lie beside it; give both"));
}

std::string first_bytes(InflatingFile& file, const fs::path& path) {
  std::string head(kNiftiHeaderBytes, '\0');
  head.resize(file.read(std::span<char>(head)));
  if (head.size() == kNiftiHeaderBytes) return head;
  throw DataError(text(path, " is not NIfTI: it holds ", head.size(), " bytes, expected at least ", kNiftiHeaderBytes,
                       "; give a .nii or .nii.gz file"));
}

HeaderFacts facts_of(const NiftiHeader& header, bool is_compressed) {
  HeaderFacts facts;
  facts.format = text(header.is_pair ? "NIfTI-1 pair" : "NIfTI-1", is_compressed ? ", gzip" : "");
  facts.size_field = "dim[1..3]";
  facts.spacing_field = header.spacing_field;
  facts.place = header.place;
  facts.type = header.encoding.type_text();
  facts.type_field = "datatype";
  facts.scaling = header.encoding.scaling_text();
  facts.scaling_field = "scl_slope, scl_inter";
  facts.units = header.units;
  facts.units_field = "xyzt_units";
  return facts;
}

void write_voxels(const std::filesystem::path& path, const Volume& volume, NiftiType type) {
  DeflatingFile file(path);
  file.write(nifti_header_bytes(volume.geometry, type));
  std::string bytes;
  for (std::size_t first = 0; first < volume.data.size(); first += kPieceVoxels) {
    const std::size_t count = std::min(kPieceVoxels, volume.data.size() - first);
    bytes.clear();
    if (type == NiftiType::f32) {
      bytes.append(reinterpret_cast<const char*>(volume.data.data() + first), count * sizeof(float));
    } else {
      for (std::size_t i = first; i < first + count; ++i) bytes.push_back(volume.data[i] != 0 ? '\1' : '\0');
    }
    file.write(bytes);
  }
  file.commit();
}

}  // namespace

VolumeFile read_nifti_file(const fs::path& named, const ReadOptions& options, const ClaimCheck& check) {
  const fs::path path = is_img(named) ? twin(named, ".hdr", ".HDR") : named;
  InflatingFile head(path, kMaxNiftiBytes);
  NiftiHeader header = parse_nifti_header(first_bytes(head, path), shown(path), options);
  std::optional<InflatingFile> image;
  fs::path voxels_path = path;
  if (header.is_pair) {
    voxels_path = is_img(named) ? named : twin(path, ".img", ".IMG");
    // Voxels may begin as gzip does by chance: a file of just their size is none.
    std::error_code none;
    const bool is_plain = fs::file_size(voxels_path, none) == header.file_bytes();
    image.emplace(voxels_path, kMaxNiftiBytes, 0, is_plain ? Compression::none : Compression::by_content);
  }
  InflatingFile& file = image ? *image : head;
  if (header.file_bytes() > file.most_bytes()) refuse_byte_count(voxels_path, header.encoding, header.geometry, "fewer");
  if (check) check({header.geometry, static_cast<double>(header.file_bytes()) / static_cast<double>(file.file_bytes())});
  if (!skip_bytes(file, header.voxel_offset - (image ? 0 : kNiftiHeaderBytes)))
    refuse_byte_count(voxels_path, header.encoding, header.geometry, "fewer");
  VolumeFile result;
  result.volume.data = read_voxels(file, header.encoding, header.geometry, voxels_path, header.notes);
  result.volume.geometry = header.geometry;
  if (image && skip_bytes(head, kMaxPairHeader))  // extensions, for the hash
    throw DataError(
        text(path, " holds more than ", kMaxPairHeader, " bytes, expected the header of a pair; export the image again"));
  result.sha256 = image ? sha256(head.sha256() + "\n" + image->sha256() + "\n") : head.sha256();
  result.facts = facts_of(header, file.is_compressed());
  result.notes = std::move(header.notes);
  return result;
}

Volume read_nifti(const std::filesystem::path& path) { return read_nifti_file(path).volume; }

void write_nifti(const std::filesystem::path& path, const Volume& volume) { write_voxels(path, volume, NiftiType::f32); }

void write_mask_nifti(const std::filesystem::path& path, const Mask& mask) { write_voxels(path, mask, NiftiType::u8); }

}  // namespace vitrine::imaging
