// From a crop's pixel to the voxels of the files, in whatever order and type they are stored, and back: bit for bit.
#include <gmock/gmock.h>

#include <bit>
#include <cstring>
#include <set>

#include "data/dataset.h"
#include "imaging/formats/read_volume.h"
#include "imaging/lineage_source.h"
#include "prepared_cohort.h"
#include "tensor/philox.h"
#include "tests/imaging/dicom_files.h"
#include "weights/safetensors.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::uint32_t bits(float v) { return std::bit_cast<std::uint32_t>(v); }

// The volume as a file that stores LPS axis axis[n] along its axis n, the other way where `reversed`.
Volume stored_as(const Volume& v, const std::array<std::size_t, 3>& axis, const std::array<bool, 3>& reversed) {
  const Geometry& g = v.geometry;
  Volume out;
  Vec3 corner{};
  for (std::size_t n = 0; n < 3; ++n) {
    out.geometry.size[n] = g.size[axis[n]];
    out.geometry.spacing[n] = g.spacing[axis[n]];
    corner[axis[n]] = reversed[n] ? static_cast<double>(g.size[axis[n]] - 1) : 0;
    for (std::size_t r = 0; r < 3; ++r)
      out.geometry.direction[3 * r + n] = (reversed[n] ? -1 : 1) * g.direction[3 * r + axis[n]];
  }
  out.geometry.origin = g.to_physical(corner);
  const auto& n = out.geometry.size;
  for (std::int64_t at = 0; at < out.geometry.voxels(); ++at) {
    const std::array<std::int64_t, 3> stored{at % n[0], at / n[0] % n[1], at / (n[0] * n[1])};
    std::array<std::int64_t, 3> lps{};
    for (std::size_t c = 0; c < 3; ++c) lps[axis[c]] = reversed[c] ? n[c] - 1 - stored[c] : stored[c];
    out.data.push_back(v.at(lps[0], lps[1], lps[2]));
  }
  return out;
}

template <class T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

class Lineage : public PreparedCohort {
 protected:
  static void TearDownTestSuite() { fs::remove_all(prepared_once); }

  // The cohort of two, a's FLAIR as a plain .nii: prepared once, copied for each test that begins with it.
  void take_prepared() {
    if (prepared_once.empty()) {
      write_nifti(folder / "a_flair.nii", head(1, "flair"));
      std::string csv = read_file(table({{"a flair", folder / "a_flair.nii"}}), kAnySize);
      for (std::size_t at = csv.find(folder.string()); at != std::string::npos; at = csv.find(folder.string(), at))
        csv.erase(at, folder.string().size() + 1);  // names relative to the table
      write_file(folder / "cohort.csv", csv);
      ASSERT_EQ(prepare(folder / "cohort.csv").refused, "");
      prepared_once = fs::temp_directory_path() / ("vitrine-lineage-" + std::to_string(::getpid()));
      fs::copy(folder, prepared_once, fs::copy_options::recursive);
      return;
    }
    fs::copy(prepared_once, folder, fs::copy_options::recursive);
  }
  static inline fs::path prepared_once;

  // 0.05 * stored - 3 as int16, its place in the qform alone.
  fs::path written_as_int16(const std::string& name, const Volume& v) const {
    std::string bytes(352, '\0');
    write_nifti(folder / "header.nii", v);
    bytes = read_file(folder / "header.nii", kAnySize).substr(0, 352);
    put<std::int16_t>(bytes, 70, 4);
    put<std::int16_t>(bytes, 72, 16);
    put<float>(bytes, 112, 0.05f);
    put<float>(bytes, 116, -3);
    put<std::int16_t>(bytes, 254, 0);  // no sform
    for (const float x : v.data) {
      const auto stored = static_cast<std::int16_t>(std::lround((static_cast<double>(x) + 3) / 0.05));
      bytes.append(reinterpret_cast<const char*>(&stored), 2);
    }
    write_file(folder / name, bytes);
    return folder / name;
  }
  fs::path written_as_dicom(const std::string& name, const Volume& v) const {
    testing::SliceMaker maker;
    maker.grid = v.geometry;
    fs::create_directories(folder / name);
    const std::int64_t slice = v.geometry.size[0] * v.geometry.size[1];
    for (std::int64_t k = 0; k < v.geometry.size[2]; ++k) {
      std::string pixels;
      for (std::int64_t n = 0; n < slice; ++n) {
        const auto stored = static_cast<std::int16_t>(std::lround(v.data[static_cast<std::size_t>(k * slice + n)]));
        pixels.append(reinterpret_cast<const char*>(&stored), 2);
      }
      write_file(folder / name / std::to_string(k), maker.slice(k).put(0x7FE00010, "OW", pixels).file());
    }
    return folder / name;
  }

  // What prepare() has left of a subject, and its samples.
  SubjectSource source(const std::string& id) const {
    return read_subject_source(folder / "out", id, id == "a" ? "SCLC" : "NSCLC");
  }
  std::vector<Sample> samples(const std::string& id) const {
    std::vector<Sample> all;
    for (const Sample& s : read_manifest(folder / "out/manifest.csv").samples) {
      if (s.subject_id == id) all.push_back(s);
    }
    return all;
  }
  std::vector<float> pixels_in_file(const Sample& s, const std::string& column) const {
    const CropChannels crop = load_crop(read_manifest(folder / "out/manifest.csv"), s);
    for (const auto& [name, values] : crop.channels) {
      if (name == column) return values;
    }
    return {};
  }
  // Pixels here and there, and the border's.
  static std::vector<CropPixel> some_pixels() {
    std::vector<CropPixel> pixels;
    for (std::int64_t n = 0; n < 64; n += 3) {
      for (std::int64_t edge : {0, 63}) pixels.insert(pixels.end(), {{n, edge}, {edge, n}});
      for (std::int64_t m = n % 2; m < 64; m += 5) pixels.push_back({n, m});
    }
    return pixels;
  }
  // How many pixels have other bits than the crop's file.
  int expect_rebuilt(const std::string& id, const std::string& column) const {
    const SubjectSource s = source(id);
    const fs::path file = volume_files(folder / "out", id).at(column);
    int unequal = 0;
    for (const Sample& sample : samples(id)) {
      const std::vector<float> made = pixels_in_file(sample, column);
      const ChannelOrigin origin = channel_origin(s, file, column, sample, some_pixels());
      EXPECT_EQ(origin.changed, "");
      for (const PixelOrigin& p : origin.pixels)
        unequal += bits(p.value) == bits(made[static_cast<std::size_t>(p.pixel.y * 64 + p.pixel.x)]) ? 0 : 1;
    }
    EXPECT_EQ(unequal, 0) << id << " " << column;
    return unequal;
  }
  static Volume on_grid(const Volume& v, const Geometry& g) { return resample_linear(v, g, {}); }
};

TEST_F(Lineage, PixelsAreRebuiltFromFilesOfAnyOrderAndType) {
  write_nifti(folder / "a_t1c.nii", stored_as(head(1, "t1c"), {1, 2, 0}, {false, false, true}));
  Geometry fine{{88, 92, 42}, {1.25, 1.25, 2.5}, {-54.375, -56.875, -51.25}};  // finer than T1c: blurred
  write_volume(folder / "b_t2.nrrd", on_grid(head(2, "t2"), fine));
  const fs::path csv =
      table({{"a t1c", folder / "a_t1c.nii"},
             {"a flair", written_as_int16("a_flair.nii", stored_as(head(1, "flair"), {0, 1, 2}, {true, false, true}))},
             {"a t2", written_as_dicom("a_t2", head(1, "t2"))},
             {"b t2", folder / "b_t2.nrrd"},
             {"b flair", written("b_flair", stored_as(on_grid(head(2, "flair"), fine), {2, 0, 1}, {true, true, false}))}});
  ASSERT_EQ(prepare(csv).refused, "");
  ASSERT_GE(samples("a").size(), 1U);
  for (const char* id : {"a", "b"}) {
    for (const char* column : {"t1c", "flair", "t2"}) expect_rebuilt(id, column);
  }
  const ChannelOrigin t1c = channel_origin(source("a"), folder / "a_t1c.nii", "t1c", samples("a")[0], {{31, 31}});
  EXPECT_EQ(t1c.stored_as, "PSR");
  EXPECT_FALSE(t1c.series.interpolated);
  const Volume whole = read_nifti(folder / "a_t1c.nii");
  for (const VoxelOfPixel& v : t1c.pixels[0].voxels) EXPECT_EQ(v.value, whole.at(v.voxel[0], v.voxel[1], v.voxel[2]));
  const ChannelOrigin blurred = channel_origin(source("b"), folder / "b_t2.nrrd", "t2", samples("b")[0], {{31, 31}});
  EXPECT_GT(blurred.blur_mm[0], 2);
  EXPECT_EQ(blurred.blur_mm[2], 0);
}

TEST_F(Lineage, OfAnObliqueT1cThatWasCutAnewAndOfAnotherNormalisation) {
  Geometry oblique = grid();
  RigidTransform turn;
  turn.angles = {0.2, 0.05, -0.1};
  oblique.direction = turn.rotation();
  oblique.origin = turn.apply(oblique.origin);
  std::map<std::string, fs::path> other;
  for (const char* column : {"t1c", "mask", "brain_mask"}) {
    const Volume there = head(1, column);
    const bool mask = std::string(column) != "t1c";
    other[std::string("a ") + column] =
        written(std::string("oblique_") + column, mask ? resample_nearest(there, oblique, {}) : on_grid(there, oblique));
  }
  PrepOptions options;
  options.subject.normalization = NormalizationMethod::white_matter;
  options.subject.crop.mode = CropMode::fixed_fov;
  options.subject.crop.fov_mm = 110;  // beyond the volume and the brain
  Progress progress(true);
  prepare_cohort(table(other), folder / "out", options, progress);
  for (const char* column : {"t1c", "flair"}) expect_rebuilt("a", column);
  expect_rebuilt("b", "t2");
  EXPECT_TRUE(source("a").lineage.of_column("t1c").interpolated);
  bool fades = false;
  for (const CropLineage& c : source("a").lineage.crops) fades = fades || !c.weight.empty();
  EXPECT_TRUE(fades);
}

TEST_F(Lineage, WeightsSayWhatAVoxelDoesAndNothingElseDoesAnything) {
  take_prepared();
  const SubjectSource s = source("a");
  const Sample sample = samples("a")[0];
  const CropChain chain(s.lineage, "flair", sample.lesion_id, sample.slice);
  const CropPixel pixel{30, 35};
  VoxelBox box = chain.box({pixel});
  const VolumePart part = read_volume_part(volume_files(folder / "out", "a").at("flair"), box);
  const float before = chain.value(pixel, chain.chain(pixel, chain.blurred(part)));
  const VoxelWeights weights = chain.weights(pixel);
  double sum = 0;
  for (std::int64_t k = box.low[2]; k < box.low[2] + box.size[2]; ++k) {
    for (std::int64_t j = box.low[1]; j < box.low[1] + box.size[1]; ++j) {
      for (std::int64_t i = box.low[0]; i < box.low[0] + box.size[0]; ++i) {
        VolumePart other = part;
        other
            .data[static_cast<std::size_t>(((k - box.low[2]) * box.size[1] + j - box.low[1]) * box.size[0] + i - box.low[0])] +=
            1;
        const float after = chain.value(pixel, chain.chain(pixel, chain.blurred(other)));
        const auto found = weights.find({i, j, k});
        const double weight = found == weights.end() ? 0 : found->second;
        sum += weight;
        if (weight == 0) {
          EXPECT_EQ(bits(after), bits(before));
        } else {
          const double unit = s.lineage.of_column("flair").normalisation.scale * static_cast<double>(after - before);
          EXPECT_NEAR(unit, weight, 0.05 * weight + 2e-4);  // the field is not 1, and the pixel a float
        }
      }
    }
  }
  EXPECT_NEAR(sum, 1, 1e-9);
  // And the other way: the pixels that a voxel touches are those that name it.
  const VoxelIndex voxel = weights.begin()->first;
  std::map<CropPixel, double> touched;
  for (const auto& [p, weight] : chain.touched(voxel)) touched[p] = weight;
  EXPECT_TRUE(touched.contains(pixel));
  for (std::int64_t y = 0; y < 64; ++y) {
    for (std::int64_t x = 0; x < 64; ++x) {
      const VoxelWeights all = chain.weights({y, x});
      const auto found = all.find(voxel);
      ASSERT_EQ(found != all.end(), touched.contains({y, x})) << y << " " << x;
      if (found != all.end()) {
        ASSERT_NEAR(found->second, (touched[{y, x}]), 1e-12);
      }
    }
  }
}

TEST_F(Lineage, AVoxelThatWasChangedIsFoundAndItsFileNamed) {
  take_prepared();
  const SubjectSource s = source("a");
  const Sample sample = samples("a")[0];
  const ChannelOrigin good = channel_origin(s, folder / "a_flair.nii", "flair", sample, {{31, 31}});
  VoxelOfPixel most = good.pixels[0].voxels.front();
  for (const VoxelOfPixel& v : good.pixels[0].voxels) most = v.weight > most.weight ? v : most;
  const Volume whole = head(1, "flair");
  const auto at = static_cast<std::size_t>((most.voxel[2] * whole.geometry.size[1] + most.voxel[1]) * whole.geometry.size[0] +
                                           most.voxel[0]);
  std::string bytes = read_file(folder / "a_flair.nii", kAnySize);
  put<float>(bytes, 352 + 4 * at, most.value + 5);
  write_file(folder / "a_flair.nii", bytes);
  const ChannelOrigin changed = channel_origin(s, folder / "a_flair.nii", "flair", sample, {{31, 31}});
  EXPECT_THAT(changed.changed, HasSubstr("a_flair.nii was changed since it was prepared"));
  EXPECT_NE(bits(changed.pixels[0].value), bits(good.pixels[0].value));
  put<float>(bytes, 352 + 4 * at, most.value);
  put<float>(bytes, 352, 77);  // far from every crop
  write_file(folder / "a_flair.nii", bytes);
  const ChannelOrigin elsewhere = channel_origin(s, folder / "a_flair.nii", "flair", sample, {{31, 31}});
  EXPECT_EQ(bits(elsewhere.pixels[0].value), bits(good.pixels[0].value));
  EXPECT_THAT(elsewhere.changed, HasSubstr("was changed since"));
  write_nifti(folder / "a_flair.nii", on_grid(head(1, "flair"), {{44, 46, 41}, {2.5, 2.5, 2.5}, {-53.75, -56.25, -51.25}}));
  EXPECT_THROW(channel_origin(s, folder / "a_flair.nii", "flair", sample, {{31, 31}}), DataError);
}

TEST_F(Lineage, FilesThatAreMissingOldOrDamagedAreRefusedInOneSentence) {
  take_prepared();
  const auto why = [&] {
    try {
      source("a");
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(why(), "accepted");
  EXPECT_THAT([&] { place_of_file(folder / "out", file(1, "mask")); },
              ::testing::ThrowsMessage<DataError>(HasSubstr("is the mask of subject a")));
  EXPECT_EQ(place_of_file(folder / "out", file(2, "t2")).subject_id, "b");
  EXPECT_EQ(place_of_file(folder / "out", file(2, "t2")).column, "t2");
  EXPECT_THAT(
      [&] {
        anatomical_index(file(2, "t2"), {0, 46, 0});
      },
      ::testing::ThrowsMessage<UsageError>(HasSubstr("0,0,0 to 43,45,41")));
  const fs::path lineage = folder / "out/lineage/a.safetensors", record = folder / "out/subjects/a.json";
  const std::string good = read_file(lineage, kAnySize), good_record = read_file(record, kAnySize);
  write_file(lineage, good + " ");
  EXPECT_THAT(why(), HasSubstr("its SHA-256 is not that of the subject's record"));
  // Whatever stands in the file: no crash, and nothing but DataError.
  int refused = 0;
  for (std::uint32_t n = 0; n < 120; ++n) {
    std::string bytes = good;
    const Draw draw{.seed = 5, .sample = n};
    for (std::uint32_t times = 0; times < 2; ++times)
      bytes[draw.below(2 * times, static_cast<std::uint32_t>(bytes.size()))] =
          static_cast<char>(draw.below(2 * times + 1, 256));
    write_file(lineage, bytes);
    try {
      const SubjectLineage l = read_lineage(folder / "out", "a", sha256(bytes));
      const CropChain chain(l, "t1c", l.crops.at(0).square.lesion, l.crops.at(0).square.slice);
      chain.box({{0, 0}, {63, 63}});
    } catch (const DataError&) {
      ++refused;
    } catch (const std::out_of_range&) {  // of l.crops.at
      ++refused;
    }
  }
  EXPECT_GT(refused, 5);
  write_file(lineage, good);
  Json old = parse_sealed_json(good_record);
  old.erase("lineage_sha256");
  write_file(record, sealed_json_text(old));
  EXPECT_THAT(why(), HasSubstr("was prepared before lineage was recorded"));
  EXPECT_EQ(prepare(folder / "cohort.csv").result.prepared, 1);  // the record is made again
  EXPECT_EQ(why(), "accepted");
  EXPECT_EQ(read_file(record, kAnySize), good_record);
  fs::create_directories(folder / "deep/er");
  fs::create_directory_symlink(folder / "out", folder / "deep/er/link");
  EXPECT_TRUE(fs::equivalent(volume_files(folder / "deep/er/link", "a").at("t2"), file(1, "t2")));
  fs::remove(folder / "cohort.csv");
  EXPECT_THAT([&] { volume_files(folder / "out", "a"); }, ::testing::ThrowsMessage<DataError>(HasSubstr("does not exist")));
}

TEST_F(Lineage, ABoxIsWhatTheWholeVolumeHoldsThere) {
  testing::SliceMaker maker;
  maker.write(folder / "dicom");
  Volume small{maker.grid, {}};
  for (std::int64_t n = 0; n < small.geometry.voxels(); ++n) small.data.push_back(static_cast<float>(n));
  std::vector<fs::path> files{folder / "dicom"};
  for (const char* name : {"v.nii", "v.nii.gz", "v.mha", "v.nrrd"}) {
    write_volume(folder / name, stored_as(small, {2, 0, 1}, {true, false, true}));
    files.push_back(folder / name);
  }
  for (const fs::path& f : files) {
    const ReadVolume whole = read_volume(f);
    const VolumePart part = read_volume_part(f, {{1, 2, 3}, {4, 3, 4}});
    EXPECT_EQ(part.file_sha256, whole.file_sha256) << f;
    EXPECT_EQ(part.order.code, whole.order.code);
    EXPECT_EQ(part.whole.origin, whole.volume.geometry.origin);
    for (std::int64_t k = 3; k < 7; ++k)
      for (std::int64_t j = 2; j < 5; ++j)
        for (std::int64_t i = 1; i < 5; ++i) ASSERT_EQ(part.at(i, j, k), whole.volume.at(i, j, k)) << f << i << j << k;
    EXPECT_THROW(read_volume_part(f, {{1, 2, 3}, {4, 4, 4}}), DataError) << f;
  }
  std::string cut = read_file(folder / "v.nii", kAnySize);
  write_file(folder / "cut.nii", std::string_view(cut).substr(0, 400));
  EXPECT_THROW(read_volume_part(folder / "cut.nii", {{1, 2, 3}, {4, 3, 4}}), DataError);
}

}  // namespace
}  // namespace vitrine::imaging
