#include "imaging/lineage_source.h"

#include <stdexcept>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "imaging/cohort.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostJson = std::uint64_t{16} << 20;
constexpr const char* kSummary = "prep.json";
constexpr const char* kAgain = "; run `vitrine mri prep` again";

Cohort cohort_of(const fs::path& prep) {
  const fs::path path = prep / kSummary;
  std::string place;
  try {
    const Json summary = parse_json(as<DataError>([&] { return read_file(path, kMostJson); }));
    if (summary.contains("cohort")) place = text_in(summary, "cohort");
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), kAgain));
  }
  if (place.empty())
    throw DataError(text(path, " does not say where the cohort's table lies", kAgain, ", which keeps the crops"));
  const fs::path through = prep / place, plain = through.lexically_normal();
  std::error_code problem;
  const fs::path& table =
      fs::equivalent(through, plain, problem) ? plain : through;  // prep may be a link: then .. is not its parent
  if (const std::string flaw = path_flaw(table); !flaw.empty())
    throw DataError(
        text("the table ", table, " of the cohort ", flaw, kAgain, " from where it lies now, which keeps the crops"));
  return read_cohort(table, MissingFiles::leave_out);
}

const Subject& subject_of(const Cohort& cohort, const std::string& id) {
  for (const Subject& s : cohort.subjects) {
    if (s.id == id) return s;
  }
  throw DataError(text("the table of the cohort has no subject '", printable(id), "' any more", kAgain));
}

bool is_series(const std::string& column) { return column == "t1c" || column == "flair" || column == "t2"; }

bool same_geometry(const Geometry& a, const Geometry& b) {
  return a.size == b.size && a.spacing == b.spacing && a.origin == b.origin && a.direction == b.direction;
}

PixelOrigin pixel_origin(const CropChain& chain, const CropPixel& pixel, const VolumePart& raw, const VolumePart& blurred) {
  PixelOrigin origin;
  origin.pixel = pixel;
  origin.grid = chain.chain(pixel, blurred);
  origin.value = chain.value(pixel, origin.grid);
  for (const auto& [voxel, weight] : chain.weights(pixel))
    origin.voxels.push_back({raw.order.stored_index(voxel), raw.at(voxel[0], voxel[1], voxel[2]), weight});
  return origin;
}

}  // namespace

std::string cohort_place(const fs::path& table, const fs::path& out) {
  const std::string place = fs::proximate(fs::absolute(table), fs::absolute(out)).string();
  return is_utf8(place) ? place : std::string();
}

bool is_prepared_folder(const fs::path& prep) { return path_exists(prep / kSummary) || path_exists(prep / "subjects"); }

SubjectRecord read_subject_record(const fs::path& prep, const std::string& subject_id, const std::string& label) {
  const fs::path path = prep / "subjects" / (subject_id + ".json");
  const std::string bytes = as<DataError>([&] { return read_file(path, kMostJson); });
  try {
    return parse_record(bytes, subject_id, label);
  } catch (const DataError&) {
    throw;
  } catch (const std::runtime_error& error) {
    throw DataError(text(path, ": ", error.what(), kAgain));
  }
}

SubjectSource read_subject_source(const fs::path& prep, const std::string& subject_id, const std::string& label) {
  SubjectSource source;
  source.record = read_subject_record(prep, subject_id, label);
  if (source.record.lineage_sha256.empty())
    throw DataError(text(prep, " was prepared before lineage was recorded (no ", lineage_name(subject_id), ")", kAgain));
  source.lineage = read_lineage(prep, subject_id, source.record.lineage_sha256);
  return source;
}

std::map<std::string, fs::path> volume_files(const fs::path& prep, const std::string& subject_id) {
  const Cohort cohort = cohort_of(prep);
  std::map<std::string, fs::path> files;
  for (const auto& [column, file] : subject_of(cohort, subject_id).files()) files[column] = file;
  return files;
}

FilePlace place_of_file(const fs::path& prep, const fs::path& file) {
  if (const std::string flaw = path_flaw(file); !flaw.empty() && !is_folder(file)) throw DataError(text(file, " ", flaw));
  const Cohort cohort = cohort_of(prep);
  for (const Subject& s : cohort.subjects) {
    for (const auto& [column, other] : s.files()) {
      std::error_code problem;
      if (!fs::equivalent(file, other, problem)) continue;
      if (!is_series(column))
        throw DataError(
            text(file, " is the ", column, " of subject ", s.id,
                 ": masks decide where a crop lies and what is shown, no pixel has a value of theirs; name a series"));
      return {s.id, s.label, column};
    }
  }
  throw DataError(
      text(file, " is no series of the cohort that ", prep, " was prepared from; name a t1c, flair or t2 of its table"));
}

ChannelOrigin channel_origin(const SubjectSource& source, const fs::path& file, const std::string& column, const Sample& sample,
                             const std::vector<CropPixel>& pixels) {
  const CropChain chain(source.lineage, column, sample.lesion_id, sample.slice);
  const VolumePart raw = read_volume_part(file, chain.box(pixels));
  ChannelOrigin origin{column, file, raw.order.code, {}, chain.series(), chain.blur_mm(), sample.slice, {}};
  if (!same_geometry(raw.whole, chain.series().stored))
    throw DataError(text(file, " lies on another grid than the file that was prepared; it was changed since", kAgain));
  const Json& inputs = source.record.inputs;
  if (!inputs.contains(column) || text_in(inputs, column) != raw.file_sha256)
    origin.changed =
        text(file, " was changed since it was prepared (its SHA-256 is ", raw.file_sha256.substr(0, 12),
             "..., that of the record ", inputs.contains(column) ? text_in(inputs, column).substr(0, 12) : "none", "...)");
  const VolumePart blurred = chain.blurred(raw);
  for (const CropPixel& pixel : pixels) origin.pixels.push_back(pixel_origin(chain, pixel, raw, blurred));
  return origin;
}

VoxelIndex anatomical_index(const fs::path& file, const VoxelIndex& stored) {
  const VolumePart nothing = read_volume_part(file, {});
  const StorageOrder& order = nothing.order;
  VoxelIndex index{};
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t a = order.axis[c];
    if (stored[a] < 0 || stored[a] >= order.stored_size[a]) {
      const auto& n = order.stored_size;
      throw UsageError(text("--voxel ", stored[0], ",", stored[1], ",", stored[2], " lies outside ", file,
                            ", whose voxels are 0,0,0 to ", n[0] - 1, ",", n[1] - 1, ",", n[2] - 1));
    }
    index[c] = order.reversed[c] ? order.stored_size[a] - 1 - stored[a] : stored[a];
  }
  return index;
}

}  // namespace vitrine::imaging
