#include "imaging/simulator/fault.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"
#include "base/output.h"
#include "imaging/formats/gzip.h"
#include "imaging/formats/nifti.h"
#include "imaging/formats/nifti_header.h"
#include "imaging/orientation.h"
#include "tensor/philox.h"

namespace vitrine::imaging {
namespace {

constexpr std::uint32_t kFaultOp = 2400;
constexpr std::size_t kT1c = 0, kFlair = 1, kT2 = 2, kMask = 3;
constexpr std::size_t kPieceVoxels = std::size_t{1} << 18;
constexpr std::array<const char*, 4> kFileNames{"t1c", "flair", "t2", "mask"};

// Places in the header of NIfTI-1 (nifti1.h).
constexpr std::size_t kDim = 40, kPixdim = 76, kUnits = 123, kQformCode = 252, kSformCode = 254, kQoffset = 268, kSrow = 280;

template <class T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

template <class T>
T get(const std::string& bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

void add_float(std::string& header, std::size_t at, float amount) { put(header, at, get<float>(header, at) + amount); }

void multiply_floats(std::string& header, std::size_t at, std::size_t count, float factor) {
  for (std::size_t n = 0; n < count; ++n) put(header, at + 4 * n, get<float>(header, at + 4 * n) * factor);
}

// The second column of the sform leans 5 degrees towards the first; its length stays.
void shear_second_axis(std::string& header) {
  constexpr float kCosine = 0.9961947f, kSine = 0.0871557f;
  const float ratio = get<float>(header, kPixdim + 8) / get<float>(header, kPixdim + 4);
  for (std::size_t row = 0; row < 3; ++row) {
    const std::size_t at = kSrow + 16 * row;
    put(header, at + 4, kCosine * get<float>(header, at + 4) + kSine * ratio * get<float>(header, at));
  }
}

// In the file's axis nearest to left-right, without a word in the header.
void mirror(Volume& volume) {
  const StorageOrder order = storage_order(volume.geometry);
  const std::size_t axis = order.axis[0];
  const auto& n = volume.geometry.size;
  const Volume before = volume;
  std::array<std::int64_t, 3> at{};
  for (at[2] = 0; at[2] < n[2]; ++at[2]) {
    for (at[1] = 0; at[1] < n[1]; ++at[1]) {
      for (at[0] = 0; at[0] < n[0]; ++at[0]) {
        std::array<std::int64_t, 3> from = at;
        from[axis] = n[axis] - 1 - at[axis];
        volume.at(at[0], at[1], at[2]) = before.at(from[0], from[1], from[2]);
      }
    }
  }
}

// A turn by 10 to 30 degrees about the middle of the volume, and a shift by 20 to 80 mm.
RigidTransform drawn_offset(const Geometry& g, const Draw& draw, std::uint32_t first) {
  Vec3 axis, shift;
  double turn = 0, way = 0;
  for (std::uint32_t c = 0; c < 3; ++c) {
    axis[c] = draw.normal(first + c);
    shift[c] = draw.normal(first + 4 + c);
    turn += axis[c] * axis[c];
    way += shift[c] * shift[c];
  }
  const double degrees = draw.uniform(first + 8, 10, 30), mm = draw.uniform(first + 9, 20, 80);
  RigidTransform t;
  for (std::size_t c = 0; c < 3; ++c) {
    t.angles[c] = axis[c] / std::sqrt(turn) * degrees * std::numbers::pi / 180;
    t.translation[c] = shift[c] / std::sqrt(way) * mm;
  }
  t.centre = g.to_physical({0.5 * static_cast<double>(g.size[0] - 1), 0.5 * static_cast<double>(g.size[1] - 1),
                            0.5 * static_cast<double>(g.size[2] - 1)});
  return t;
}

void move_header(StoredSubject& s, std::size_t file, const RigidTransform& offset) {
  Geometry& g = s.files[file].volume.geometry;
  const Matrix3 rotation = offset.rotation();
  Matrix3 direction{};
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t n = 0; n < 3; ++n) direction[3 * r + c] += rotation[3 * r + n] * g.direction[3 * n + c];
    }
  }
  g.origin = offset.apply(g.origin);
  g.direction = direction;
  s.from_t1c[file] = product(matrix_of(offset), s.from_t1c[file]);
}

void nan_in_the_middle(Volume& v) {
  const auto& n = v.geometry.size;
  for (std::int64_t i = 0; i < 5; ++i) v.at(n[0] / 2 + i, n[1] / 2, n[2] / 2) = std::numeric_limits<float>::quiet_NaN();
}

void only_the_lower_third(Volume& v) {
  v = stored_as(v, "LPS");
  v.geometry.size[2] /= 3;
  v.data.resize(static_cast<std::size_t>(v.geometry.voxels()));
}

void standardise(Volume& v) {
  double sum = 0, squares = 0;
  for (const float x : v.data) sum += static_cast<double>(x);
  const double mean = sum / static_cast<double>(v.data.size());
  for (const float x : v.data) squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(v.data.size()));
  for (float& x : v.data) x = static_cast<float>((static_cast<double>(x) - mean) / deviation);
}

void saturate(Volume& v) {
  std::vector<float> sorted = v.data;
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(0.85 * static_cast<double>(sorted.size()));
  std::nth_element(sorted.begin(), place, sorted.end());
  for (float& x : v.data) x = std::min(x, *place);
}

using Edit = void (*)(StoredSubject& s, const FaultContext& c);
struct Planting {
  std::size_t file;
  const char* what;
  Edit edit;
};

template <class Change>
void header(StoredSubject& s, std::size_t file, Change change) {
  s.files[file].edit_header = change;
}

// Those that change the header's bytes or the file's.
const std::map<std::string, Planting>& byte_faults() {
  static const std::map<std::string, Planting> faults{
      {"no-orientation",
       {kFlair, "neither qform nor sform is coded",
        [](StoredSubject& s, const FaultContext&) {
          header(s, kFlair, [](std::string& h) { put<std::int16_t>(h, kQformCode, 0), put<std::int16_t>(h, kSformCode, 0); });
        }}},
      {"form-conflict",
       {kFlair, "the qform lies 30 mm beside the sform",
        [](StoredSubject& s, const FaultContext&) { header(s, kFlair, [](std::string& h) { add_float(h, kQoffset, 30); }); }}},
      {"shear",
       {kT2, "the sform is sheared by 5 degrees, and no qform is coded",
        [](StoredSubject& s, const FaultContext&) {
          header(s, kT2, [](std::string& h) {
            put<std::int16_t>(h, kQformCode, 0);
            shear_second_axis(h);
          });
        }}},
      {"spacing-conflict",
       {kT2, "pixdim says 1.2 times the slice distance of the sform",
        [](StoredSubject& s, const FaultContext&) {
          header(s, kT2, [](std::string& h) { multiply_floats(h, kPixdim + 12, 1, 1.2f); });
        }}},
      {"metres",
       {kFlair, "lengths are in metres, and the header says so",
        [](StoredSubject& s, const FaultContext&) {
          header(s, kFlair, [](std::string& h) {
            put<std::int8_t>(h, kUnits, 1);
            multiply_floats(h, kPixdim + 4, 3, 1e-3f), multiply_floats(h, kQoffset, 3, 1e-3f),
                multiply_floats(h, kSrow, 12, 1e-3f);
          });
        }}},
      {"four-d",
       {kT1c, "the file holds two volumes",
        [](StoredSubject& s, const FaultContext&) {
          s.files[kT1c].volumes = 2;
          header(s, kT1c, [](std::string& h) { put<std::int16_t>(h, kDim, 4), put<std::int16_t>(h, kDim + 8, 2); });
        }}},
      {"header-bomb",
       {kT2, "the header announces 30000 x 30000 x 30000 voxels",
        [](StoredSubject& s, const FaultContext&) {
          header(s, kT2, [](std::string& h) {
            for (std::size_t axis = 1; axis <= 3; ++axis) put<std::int16_t>(h, kDim + 2 * axis, 30000);
          });
        }}},
      {"truncated",
       {kT2, "the file ends after six tenths of its bytes",
        [](StoredSubject& s, const FaultContext&) { s.files[kT2].kept_share = 0.6; }}},
      {"checksum",
       {kFlair, "a bit of the checksum at the end is wrong",
        [](StoredSubject& s, const FaultContext&) { s.files[kFlair].damaged = true; }}},
  };
  return faults;
}

// Those of a series as a whole: its place, its side, whose it is.
const std::map<std::string, Planting>& series_faults() {
  static const std::map<std::string, Planting> faults{
      {"header-off",
       {kFlair, "the headers of FLAIR and T2 lie 20 to 80 mm and 10 to 30 degrees off",
        [](StoredSubject& s, const FaultContext& c) {
          const Draw draw{c.seed, Purpose::simulate, 0, c.patient, kFaultOp};
          for (const std::size_t file : {kFlair, kT2})
            move_header(s, file, drawn_offset(s.files[file].volume.geometry, draw, static_cast<std::uint32_t>(20 * file)));
        }}},
      {"swapped-series",
       {kFlair, "the file of FLAIR holds T2, and the other way round",
        [](StoredSubject& s, const FaultContext&) {
          std::swap(s.files[kFlair], s.files[kT2]);
          std::swap(s.from_t1c[kFlair], s.from_t1c[kT2]);
        }}},
      {"mirrored-series",
       {kT2, "left and right are exchanged, the header is not",
        [](StoredSubject& s, const FaultContext&) { mirror(s.files[kT2].volume); }}},
      {"duplicate-series",
       {kT2, "a copy of FLAIR",
        [](StoredSubject& s, const FaultContext&) {
          s.files[kT2] = s.files[kFlair];
          s.from_t1c[kT2] = s.from_t1c[kFlair];
        }}},
      {"wrong-patient",
       {kFlair, "another patient's",
        [](StoredSubject& s, const FaultContext& c) { s.files[kFlair].volume = c.other_head(Series::flair); }}},
  };
  return faults;
}

// Those of the mask.
const std::map<std::string, Planting>& mask_faults() {
  static const std::map<std::string, Planting> faults{
      {"wrong-mask",
       {kMask, "another patient's", [](StoredSubject& s, const FaultContext& c) { s.files[kMask].volume = c.other_mask(); }}},
      {"mask-grid",
       {kMask, "on the grid of FLAIR",
        [](StoredSubject& s, const FaultContext&) {
          s.files[kMask].volume = resample_nearest(s.files[kMask].volume, s.files[kFlair].volume.geometry, {});
        }}},
      {"mask-shifted",
       {kMask, "its header lies 3 mm beside T1c's",
        [](StoredSubject& s, const FaultContext&) { s.files[kMask].volume.geometry.origin[0] += 3; }}},
      {"mask-empty",
       {kMask, "no voxel is marked",
        [](StoredSubject& s, const FaultContext&) {
          std::fill(s.files[kMask].volume.data.begin(), s.files[kMask].volume.data.end(), 0.0f);
        }}},
      {"mask-inverted",
       {kMask, "everything but the lesions is marked",
        [](StoredSubject& s, const FaultContext&) {
          for (float& v : s.files[kMask].volume.data) v = 1 - v;
        }}},
  };
  return faults;
}

// Those that change what a series holds.
const std::map<std::string, Planting>& voxel_faults() {
  static const std::map<std::string, Planting> faults{
      {"nan",
       {kT1c, "five voxels in the middle are NaN",
        [](StoredSubject& s, const FaultContext&) { nan_in_the_middle(s.files[kT1c].volume); }}},
      {"constant",
       {kT2, "all voxels hold 7",
        [](StoredSubject& s, const FaultContext&) {
          std::fill(s.files[kT2].volume.data.begin(), s.files[kT2].volume.data.end(), 7.0f);
        }}},
      {"saturated",
       {kT1c, "the brightest 15 % of the voxels hold one value",
        [](StoredSubject& s, const FaultContext&) { saturate(s.files[kT1c].volume); }}},
      {"standardised",
       {kT1c, "mean 0 and deviation 1: not as it was recorded",
        [](StoredSubject& s, const FaultContext&) { standardise(s.files[kT1c].volume); }}},
      {"partial-head",
       {kT2, "only the lower third of the head",
        [](StoredSubject& s, const FaultContext&) { only_the_lower_third(s.files[kT2].volume); }}},
      {"no-contrast", {kT1c, "no contrast agent was given", [](StoredSubject&, const FaultContext&) {}}},
  };
  return faults;
}

const Planting* find(const std::string& name) {
  for (const auto* faults : {&byte_faults(), &series_faults(), &mask_faults(), &voxel_faults()}) {
    if (const auto found = faults->find(name); found != faults->end()) return &found->second;
  }
  return nullptr;
}

}  // namespace

const std::vector<Fault>& known_faults() {
  static const std::vector<Fault> all = [] {
    std::vector<Fault> out;
    for (const auto* faults : {&byte_faults(), &series_faults(), &mask_faults(), &voxel_faults()}) {
      for (const auto& [name, planting] : *faults) out.push_back({name.c_str(), planting.what});
    }
    return out;
  }();
  return all;
}

std::vector<std::string> parse_faults(const std::string& words) {
  std::vector<std::string> known, chosen;
  for (const Fault& f : known_faults()) known.emplace_back(f.name);
  if (words == "all") return known;
  for (std::size_t at = 0; at <= words.size() && !words.empty();) {
    const std::size_t comma = std::min(words.find(',', at), words.size());
    const std::string word = words.substr(at, comma - at);
    if (find(word) == nullptr) {
      const std::string near = nearest_name(word, known);
      throw UsageError(text("--faults has '", word, "', which is no fault that is known",
                            near.empty() ? std::string() : ": is it " + near + "?",
                            "; `vitrine simulate -o x --faults help` lists them"));
    }
    chosen.push_back(word);
    at = comma + 1;
  }
  return chosen;
}

void write_stored(const std::filesystem::path& path, const StoredFile& file) {
  std::string header = nifti_header_bytes(file.volume.geometry, file.is_mask ? NiftiType::u8 : NiftiType::f32);
  if (file.edit_header) file.edit_header(header);
  {
    DeflatingFile out(path);
    out.write(header);
    for (int n = 0; n < file.volumes; ++n) {
      std::string bytes;
      for (std::size_t first = 0; first < file.volume.data.size(); first += kPieceVoxels) {
        const std::size_t count = std::min(kPieceVoxels, file.volume.data.size() - first);
        bytes.clear();
        if (!file.is_mask) bytes.append(reinterpret_cast<const char*>(file.volume.data.data() + first), count * sizeof(float));
        for (std::size_t i = first; file.is_mask && i < first + count; ++i)
          bytes.push_back(file.volume.data[i] != 0 ? '\1' : '\0');
        out.write(bytes);
      }
    }
    out.commit();
  }
  if (file.kept_share == 1 && !file.damaged) return;
  std::string bytes = read_file(path, kMaxNiftiBytes);
  bytes.resize(static_cast<std::size_t>(file.kept_share * static_cast<double>(bytes.size())));
  if (file.damaged) bytes[bytes.size() - 8] = static_cast<char>(bytes[bytes.size() - 8] ^ 1);
  write_file(path, bytes);
}

Planted plant(const std::string& fault, StoredSubject& subject, const FaultContext& context) {
  const Planting* planting = find(fault);
  if (planting == nullptr) throw InternalError(text("no fault is called '", fault, "'"));
  planting->edit(subject, context);
  return {fault, kFileNames[planting->file], planting->what};
}

}  // namespace vitrine::imaging
