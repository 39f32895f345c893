#include "imaging/lineage.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/names.h"
#include "base/number.h"
#include "base/sha256.h"
#include "weights/safetensors.h"

namespace vitrine::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostFile = std::uint64_t{256} << 20;
constexpr double kMostVoxels = 4096;        // along an axis
constexpr double kMostCoefficients = 4096;  // of a bias field: a spline's penalty has their square
constexpr double kMostPixels = 4096;        // of a crop's side
constexpr double kMostValue = 1e12;

using Numbers = std::vector<double>;

Numbers numbers_of(const Geometry& g) {
  Numbers n;
  for (const std::int64_t size : g.size) n.push_back(static_cast<double>(size));
  n.insert(n.end(), g.spacing.begin(), g.spacing.end());
  n.insert(n.end(), g.origin.begin(), g.origin.end());
  n.insert(n.end(), g.direction.begin(), g.direction.end());
  return n;
}

StoredTensor stored(const std::string& name, const Numbers& values) {
  return StoredTensor::from(name, Shape{static_cast<std::int64_t>(values.size())}, values);
}

Vec3 vec3_at(const Numbers& n, std::size_t at) { return {n[at], n[at + 1], n[at + 2]}; }

void append(Numbers& n, const Vec3& v) { n.insert(n.end(), v.begin(), v.end()); }

void add_series(const SeriesLineage& s, TensorFile& file) {
  file.tensors.push_back(stored(s.column + ".geometry", numbers_of(s.stored)));
  Numbers transform;
  for (const Vec3* v : {&s.transform.angles, &s.transform.translation, &s.transform.centre}) append(transform, *v);
  file.tensors.push_back(stored(s.column + ".transform", transform));
  const Normalized& n = s.normalisation;
  file.tensors.push_back(stored(s.column + ".scale", {n.mean, n.deviation, n.offset, n.scale}));
  if (!s.bias) return;
  file.tensors.push_back(stored(s.column + ".field", s.bias->coefficients));
  Numbers box;
  append(box, s.bias->low);
  append(box, s.bias->high);
  box.insert(box.end(), {s.bias->knot_mm, s.bias->mean_log, s.bias->scale});
  file.tensors.push_back(stored(s.column + ".field_box", box));
}

// Reads what lineage_bytes writes; every number is looked at before anything is made of its size.
class LineageReader {
 public:
  explicit LineageReader(const TensorFile& file) : file_(file) {}

  SubjectLineage read(const std::string& subject_id) const {
    SubjectLineage l;
    l.subject_id = metadata("subject_id");
    if (l.subject_id != subject_id) throw DataError("it is of another subject");
    std::int64_t size = 0;
    if (!parse_number(metadata("size"), size) || size < 1 || static_cast<double>(size) > kMostPixels)
      throw DataError("its size of a crop is none");
    l.size = static_cast<int>(size);
    l.grid = geometry("grid");
    const std::vector<std::string> interpolated = split_at(metadata("interpolated"), ',');
    for (const std::string& column : split_at(metadata("series"), ',')) {
      l.series.push_back(series(column));
      l.series.back().interpolated = std::find(interpolated.begin(), interpolated.end(), column) != interpolated.end();
      if (!l.series.back().interpolated && l.series.back().stored.size != l.grid.size)
        throw DataError(text("its series ", printable(column), " is not interpolated and does not have the grid's size"));
    }
    for (const std::string& name : split_at(metadata("crops"), ',')) l.crops.push_back(crop(name, l));
    return l;
  }

 private:
  const std::string& metadata(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end()) throw DataError(text("its '", key, "' is missing"));
    return found->second;
  }

  // `count` 0: as many as there are, up to kMostCoefficients.
  Numbers numbers(const std::string& name, std::size_t count) const {
    const StoredTensor& t = file_.at(name);
    const auto found = static_cast<double>(t.shape.elements());
    if (t.shape.rank() != 1 || (count > 0 ? found != static_cast<double>(count) : found > kMostCoefficients))
      throw DataError(text("its tensor '", printable(name), "' is ", t.shape.text()));
    Numbers values = t.to_double();
    for (const double v : values) {
      if (!(std::abs(v) <= kMostValue)) throw DataError(text("its tensor '", printable(name), "' holds the value ", v));
    }
    return values;
  }

  Geometry geometry(const std::string& name) const {
    const Numbers n = numbers(name, 18);
    Geometry g;
    for (std::size_t c = 0; c < 3; ++c) {
      if (!(n[c] >= 1 && n[c] <= kMostVoxels && n[c] == std::floor(n[c]) && n[3 + c] > 0))
        throw DataError(text("its geometry '", printable(name), "' is none"));
      g.size[c] = static_cast<std::int64_t>(n[c]);
    }
    g.spacing = vec3_at(n, 3);
    g.origin = vec3_at(n, 6);
    std::copy_n(n.begin() + 9, 9, g.direction.begin());
    return g;
  }

  BiasModel bias(const std::string& column) const {
    const Numbers box = numbers(column + ".field_box", 9);
    BiasModel model{vec3_at(box, 0), vec3_at(box, 3), box[6], numbers(column + ".field", 0), box[7], box[8]};
    double count = 1;  // of coefficients that SplineField will ask for
    for (std::size_t c = 0; c < 3; ++c) {
      const double extent = model.high[c] - model.low[c];
      if (!(extent > 0 && model.knot_mm > 0)) throw DataError(text("its bias field of ", printable(column), " has no box"));
      count *= std::max(1.0, std::ceil(extent / model.knot_mm - 1e-9)) + 3;
    }
    if (count != static_cast<double>(model.coefficients.size()))
      throw DataError(text("its bias field of ", printable(column), " has ", model.coefficients.size(),
                           " coefficients, its box asks for ", count));
    return model;
  }

  SeriesLineage series(const std::string& column) const {
    SeriesLineage s;
    s.column = column;
    s.stored = geometry(column + ".geometry");
    const Numbers t = numbers(column + ".transform", 9), n = numbers(column + ".scale", 4);
    s.transform = {vec3_at(t, 0), vec3_at(t, 3), vec3_at(t, 6)};
    try {
      s.normalisation.method = normalization_named(metadata("normalisation"));
    } catch (const UsageError& error) {
      throw DataError(error.what());
    }
    s.normalisation.mean = n[0];
    s.normalisation.deviation = n[1];
    s.normalisation.offset = n[2];
    s.normalisation.scale = n[3];
    if (file_.find(column + ".field") != nullptr) s.bias = bias(column);
    return s;
  }

  CropLineage crop(const std::string& name, const SubjectLineage& l) const {
    const Numbers n = numbers(name + ".square", 5);
    CropLineage c;
    c.square.lesion = static_cast<int>(std::clamp(n[0], 0.0, static_cast<double>(kMostLabel)));
    c.square.slice = static_cast<std::int64_t>(std::clamp(n[1], 0.0, kMostVoxels));
    c.square.centre_i = n[2];
    c.square.centre_j = n[3];
    c.square.side_mm = n[4];
    const double side = n[4] / std::min(l.grid.spacing[0], l.grid.spacing[1]);
    if (crop_name(c.square) != name || c.square.slice >= l.grid.size[2] || !(side > 0 && side <= kMostVoxels) ||
        !(std::abs(n[2]) <= kMostVoxels && std::abs(n[3]) <= kMostVoxels))
      throw DataError(text("its crop '", printable(name), "' has no square on the grid"));
    c.window = slice_window(c.square, l.grid, l.size);
    const StoredTensor* weight = file_.find(name + ".weight");
    if (weight == nullptr) return c;
    if (!(weight->shape == Shape{c.window.rows, c.window.columns}))
      throw DataError(text("its weights of the crop '", printable(name), "' are ", weight->shape.text(), ", expected [",
                           c.window.rows, ", ", c.window.columns, "]"));
    const Tensor values = weight->to_float();
    c.weight.assign(values.host().begin(), values.host().end());
    return c;
  }

  const TensorFile& file_;
};

}  // namespace

const SeriesLineage& SubjectLineage::of_column(const std::string& column) const {
  for (const SeriesLineage& s : series) {
    if (s.column == column) return s;
  }
  throw DataError(text(lineage_name(subject_id), " has no series '", printable(column), "'"));
}

const CropLineage& SubjectLineage::of_crop(int lesion, std::int64_t slice) const {
  for (const CropLineage& c : crops) {
    if (c.square.lesion == lesion && c.square.slice == slice) return c;
  }
  throw DataError(text(lineage_name(subject_id), " has no crop of lesion ", lesion, " in slice ", slice));
}

SliceWindow slice_window(const LesionSlice& square, const Geometry& grid, int size) {
  const auto extent = [&](double centre, std::size_t axis) {
    const std::vector<CropTap> taps = crop_taps(centre, square.side_mm / grid.spacing[axis], size);
    const std::int64_t first = std::clamp<std::int64_t>(taps.front().first, 0, grid.size[axis]);
    const std::int64_t last = taps.back().first + static_cast<std::int64_t>(taps.back().weight.size());
    return std::pair(first, std::clamp<std::int64_t>(last, first, grid.size[axis]) - first);
  };
  SliceWindow w;
  std::tie(w.i, w.columns) = extent(square.centre_i, 0);
  std::tie(w.j, w.rows) = extent(square.centre_j, 1);
  return w;
}

CropLineage crop_lineage(const LesionSlice& square, const Volume& feather_weight, int size) {
  CropLineage c{square, slice_window(square, feather_weight.geometry, size), {}};
  for (std::int64_t j = 0; j < c.window.rows; ++j) {
    for (std::int64_t i = 0; i < c.window.columns; ++i)
      c.weight.push_back(feather_weight.at(c.window.i + i, c.window.j + j, square.slice));
  }
  if (std::all_of(c.weight.begin(), c.weight.end(), [](float w) { return w == 1; })) c.weight.clear();
  return c;
}

std::string lineage_name(const std::string& subject_id) { return text("lineage/", subject_id, ".safetensors"); }

std::string lineage_bytes(const SubjectLineage& l) {
  TensorFile file;
  std::string series, interpolated, crops;
  const auto listed = [](std::string& list, const std::string& name) { list += (list.empty() ? "" : ",") + name; };
  file.tensors.push_back(stored("grid", numbers_of(l.grid)));
  for (const SeriesLineage& s : l.series) {
    add_series(s, file);
    listed(series, s.column);
    if (s.interpolated) listed(interpolated, s.column);
  }
  for (const CropLineage& c : l.crops) {
    const LesionSlice& q = c.square;
    const std::string name = crop_name(q);
    file.tensors.push_back(stored(
        name + ".square", {static_cast<double>(q.lesion), static_cast<double>(q.slice), q.centre_i, q.centre_j, q.side_mm}));
    if (!c.weight.empty())
      file.tensors.push_back(
          StoredTensor::from(name + ".weight", Tensor::from(Shape{c.window.rows, c.window.columns}, c.weight)));
    listed(crops, name);
  }
  file.metadata = {{"subject_id", l.subject_id},
                   {"size", std::to_string(l.size)},
                   {"series", series},
                   {"interpolated", interpolated},
                   {"crops", crops}};
  file.metadata["normalisation"] = l.series.empty() ? "" : name_of(l.series.front().normalisation.method);
  return safetensors_bytes(file);
}

SubjectLineage read_lineage(const fs::path& out, const std::string& subject_id, const std::string& sha256_of_record) {
  const fs::path path = out / lineage_name(subject_id);
  const std::string bytes = as<DataError>([&] { return read_file(path, kMostFile); });
  if (sha256(bytes) != sha256_of_record)
    throw DataError(text(path,
                         ": its SHA-256 is not that of the subject's record; it was changed or damaged, run `vitrine mri prep` "
                         "again"));
  try {
    return LineageReader(parse_safetensors(bytes, shown(path))).read(subject_id);
  } catch (const WeightsError& error) {
    throw DataError(error.what());  // here the file is data
  } catch (const DataError& error) {
    throw DataError(text(path, ": ", error.what(), "; run `vitrine mri prep` again"));
  }
}

}  // namespace vitrine::imaging
