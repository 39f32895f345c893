// What preparation left beside a subject's crops, and from a crop's pixels to the voxels of the subject's files.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imaging/lineage.h"
#include "imaging/lineage_chain.h"
#include "imaging/subject_record.h"

namespace vitrine::imaging {

// The table of a preparation as prep.json names it: relative to the output folder; empty for a path that is not UTF-8.
std::string cohort_place(const std::filesystem::path& table, const std::filesystem::path& out);

// Were the crops in this folder cut from volumes? Crops that `vitrine simulate --crops` or another program has made were not.
bool is_prepared_folder(const std::filesystem::path& prep);

struct SubjectSource {
  SubjectRecord record;
  SubjectLineage lineage;
};
// DataError for a record that is missing, damaged or not of this subject, and for one without lineage: the folder is older than it.
SubjectRecord read_subject_record(const std::filesystem::path& prep, const std::string& subject_id, const std::string& label);
SubjectSource read_subject_source(const std::filesystem::path& prep, const std::string& subject_id, const std::string& label);

// Column and file of the subject's volumes, from the table that prep.json names. DataError when it or the subject is not there any more.
std::map<std::string, std::filesystem::path> volume_files(const std::filesystem::path& prep, const std::string& subject_id);
// Subject and column of a file, by whatever name or link; DataError naming the table when no series of the cohort is that file.
struct FilePlace {
  std::string subject_id, label, column;
};
FilePlace place_of_file(const std::filesystem::path& prep, const std::filesystem::path& file);

struct VoxelOfPixel {
  VoxelIndex voxel{};  // i, j, k as the file stores them and viewers show them
  float value = 0;
  double weight = 0;  // in the crop's pixel
};

struct PixelOrigin {
  CropPixel pixel;
  float value = 0;  // rebuilt
  std::vector<GridVoxel> grid;
  std::vector<VoxelOfPixel> voxels;
};

// Pixels of one channel of a crop, rebuilt from the file of the series.
struct ChannelOrigin {
  std::string column;
  std::filesystem::path file;
  std::string stored_as, changed;  // changed: why the file is not the one that was prepared; empty when it is
  SeriesLineage series;
  Vec3 blur_mm{};
  std::int64_t slice = 0;
  std::vector<PixelOrigin> pixels;
};
// DataError when the file cannot be read or lies on another grid than the one that was prepared.
ChannelOrigin channel_origin(const SubjectSource& source, const std::filesystem::path& file, const std::string& column,
                             const Sample& sample, const std::vector<CropPixel>& pixels);

// The voxel in LPS order of one as the file stores it. UsageError with the range when it lies outside.
VoxelIndex anatomical_index(const std::filesystem::path& file, const VoxelIndex& stored);

}  // namespace vitrine::imaging
