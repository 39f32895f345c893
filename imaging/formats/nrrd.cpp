#include "imaging/formats/nrrd.h"

#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "imaging/formats/header_check.h"
#include "imaging/formats/text_header.h"

namespace vitrine::imaging {
namespace {

constexpr std::string_view kMagic = "NRRD000";

struct TypeName {
  const char* name;
  ScalarType type;
};
constexpr TypeName kTypes[] = {{"signed char", ScalarType::i8},
                               {"int8", ScalarType::i8},
                               {"int8_t", ScalarType::i8},
                               {"uchar", ScalarType::u8},
                               {"unsigned char", ScalarType::u8},
                               {"uint8", ScalarType::u8},
                               {"uint8_t", ScalarType::u8},
                               {"short", ScalarType::i16},
                               {"short int", ScalarType::i16},
                               {"signed short", ScalarType::i16},
                               {"signed short int", ScalarType::i16},
                               {"int16", ScalarType::i16},
                               {"int16_t", ScalarType::i16},
                               {"ushort", ScalarType::u16},
                               {"unsigned short", ScalarType::u16},
                               {"unsigned short int", ScalarType::u16},
                               {"uint16", ScalarType::u16},
                               {"uint16_t", ScalarType::u16},
                               {"int", ScalarType::i32},
                               {"signed int", ScalarType::i32},
                               {"int32", ScalarType::i32},
                               {"int32_t", ScalarType::i32},
                               {"uint", ScalarType::u32},
                               {"unsigned int", ScalarType::u32},
                               {"uint32", ScalarType::u32},
                               {"uint32_t", ScalarType::u32},
                               {"longlong", ScalarType::i64},
                               {"long long", ScalarType::i64},
                               {"long long int", ScalarType::i64},
                               {"signed long long", ScalarType::i64},
                               {"signed long long int", ScalarType::i64},
                               {"int64", ScalarType::i64},
                               {"int64_t", ScalarType::i64},
                               {"ulonglong", ScalarType::u64},
                               {"unsigned long long", ScalarType::u64},
                               {"unsigned long long int", ScalarType::u64},
                               {"uint64", ScalarType::u64},
                               {"uint64_t", ScalarType::u64},
                               {"float", ScalarType::f32},
                               {"double", ScalarType::f64}};

// Fields and the offset of what follows the header.
TextFields read_fields(const std::filesystem::path& path, std::string_view head, std::size_t& at) {
  TextFields fields(shown(path));
  const auto magic = next_line(head, at, true);
  if (!magic || !begins_as_nrrd(*magic) || magic->size() != 8 || magic->back() < '1' || magic->back() > '5')
    refuse_header(fields.file(), "is not NRRD: its first line is '", printable(magic.value_or("")),
                  "', expected NRRD0001 to NRRD0005");
  while (const auto line = next_line(head, at, true)) {
    if (line->empty()) return fields;
    if (line->front() == '#' || line->find(":=") < line->find(": ")) continue;  // comments, keys of the user's own
    const std::size_t colon = line->find(':');
    if (colon == line->npos)
      refuse_header(fields.file(), "holds the line '", printable(*line), "', expected 'field: value'; the header is damaged");
    std::string name = lower_case(trimmed(line->substr(0, colon)));
    if (name == "datafile") name = "data file";
    if (name == "lineskip") name = "line skip";
    if (name == "byteskip") name = "byte skip";
    if (name == "centerings") name = "centers";
    fields.add(name, trimmed(line->substr(colon + 1)));
  }
  if (head.size() == kMaxTextHeader)
    refuse_header(fields.file(), "has a header of more than ", kMaxTextHeader,
                  " bytes, expected an empty line before; it is no volume");
  if (fields.find("data file") == nullptr)
    refuse_header(fields.file(), "ends within its header and has no field 'data file'; copy the file again");
  return fields;
}

VoxelEncoding encoding_of(const TextFields& fields) {
  VoxelEncoding encoding;
  const std::string type = lower_case(fields.need("type"));
  const TypeName* known = nullptr;
  for (const TypeName& t : kTypes) known = type == t.name ? &t : known;
  if (known == nullptr)
    refuse_header(fields.file(), "field type is '", printable(type),
                  "', expected a scalar one such as short or float; export it so");
  encoding.type = known->type;
  if (encoding.voxel_bytes() == 1) return encoding;
  const std::string endian = lower_case(fields.need("endian"));
  if (endian != "little" && endian != "big")
    refuse_header(fields.file(), "field endian is '", printable(endian), "', expected little or big; the header is damaged");
  encoding.big_endian = endian == "big";
  return encoding;
}

// Which of the file's axes are i, j, k: those with more than one sample, or, where there are fewer than three, those with a direction.
std::vector<std::size_t> spatial_axes(const TextFields& fields, std::size_t dimension, const std::vector<std::int64_t>& sizes,
                                      const std::vector<std::string_view>& vectors) {
  std::vector<std::size_t> axes;
  for (std::size_t a = 0; a < dimension; ++a) {
    const bool has_vector = vectors.empty() ? dimension == 3 || sizes[a] > 1 : lower_case(vectors[a]) != "none";
    if (has_vector) {
      axes.push_back(a);
    } else if (sizes[a] != 1) {
      refuse_header(fields.file(), "is no scalar volume: axis ", a + 1, " of field sizes has ", sizes[a],
                    " samples and no direction in space, expected 1; split it and give one 3-D scalar volume");
    }
  }
  if (axes.size() != 3)
    refuse_header(fields.file(), "has ", axes.size(), " axes in space, expected 3; give one 3-D scalar volume");
  return axes;
}

// The signs by which a space's x and y become those of LPS.
std::array<double, 2> signs_of_space(const TextFields& fields, const std::string& space) {
  const std::string name = lower_case(space);
  if (name == "left-posterior-superior" || name == "lps") return {1, 1};
  if (name == "right-anterior-superior" || name == "ras") return {-1, -1};
  if (name == "left-anterior-superior" || name == "las") return {1, -1};
  refuse_header(
      fields.file(), "field space is '", printable(space),
      "', expected left-posterior-superior, right-anterior-superior or left-anterior-superior; export it in one of these");
}

// "(a,b,c)" as three numbers.
Vec3 vector_of(const TextFields& fields, std::string_view word, const char* field) {
  Vec3 v{};
  std::string inner(word);
  if (inner.size() > 2 && inner.front() == '(' && inner.back() == ')') {
    inner = inner.substr(1, inner.size() - 2);
    std::size_t at = 0, n = 0;
    for (; n < 3; ++n) {
      const std::size_t comma = std::min(inner.find(',', at), inner.size());
      if (!parse_number(trimmed(std::string_view(inner).substr(at, comma - at)), v[n]) || !std::isfinite(v[n])) break;
      at = comma + 1;
      if (comma == inner.size()) break;
    }
    if (n == 2 && at == inner.size() + 1) return v;
  }
  refuse_header(fields.file(), "field ", field, " holds '", printable(word),
                "', expected three finite numbers such as (1,0,0)");
}

// "(a, b, c) none (d,e,f)": at closing brackets and spaces outside of brackets.
std::vector<std::string> vectors_of(std::string_view value) {
  std::vector<std::string> words(1);
  bool inside = false;
  for (const char c : value) {
    if (c == '(') inside = true;
    if (c == ' ' || c == '\t') {
      if (!inside && !words.back().empty()) words.emplace_back();
      continue;
    }
    words.back() += c;
    if (c == ')') {
      inside = false;
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

double unit_of(const TextFields& fields, const std::vector<std::size_t>& axes, bool has_space, VolumeFile& result) {
  const char* const name = has_space ? "space units" : "units";
  result.facts.units_field = name;
  const std::string* value = fields.find(name);
  std::string unit;
  if (value != nullptr) {
    std::vector<std::string> units;  // in quotes, one of each axis
    bool inside = false;
    for (const char c : *value) {
      if (c == '"' && !inside) units.emplace_back();
      if (c == '"') {
        inside = !inside;
      } else if (inside) {
        units.back() += c;
      }
    }
    for (std::size_t n = 0; n < 3; ++n) {
      const std::size_t at = has_space ? n : axes[n];
      const std::string one = at < units.size() ? lower_case(units[at]) : "";
      if (n > 0 && one != unit)
        refuse_header(fields.file(), "field ", name, " is ", printable(*value), ", expected one unit for all axes");
      unit = one;
    }
  }
  if (unit.empty()) {
    note(result.notes, "units are not stated, millimetres were taken");
    result.facts.units = "not stated, mm taken";
    return 1;
  }
  result.facts.units = printable(unit);
  if (unit == "mm" || unit == "millimeter" || unit == "millimeters" || unit == "millimetre") return 1;
  const double scale = unit == "m"                                               ? 1e3
                       : unit == "cm"                                            ? 10
                       : unit == "um" || unit == "\xc2\xb5m" || unit == "micron" ? 1e-3
                                                                                 : 0;
  if (scale == 0)
    refuse_header(fields.file(), "field ", name, " is '", printable(unit), "', expected mm; rewrite the header in millimetres");
  warn(result.notes, text("field ", name, " says ", printable(unit), ": lengths were converted to millimetres"));
  return scale;
}

void read_space(const TextFields& fields, const std::vector<std::size_t>& axes, const std::vector<std::string>& vectors,
                const std::string& space, VolumeFile& result) {
  Geometry& g = result.volume.geometry;
  const std::array<double, 2> signs = signs_of_space(fields, space);
  const double scale = unit_of(fields, axes, true, result);
  for (std::size_t n = 0; n < 3; ++n) {
    Vec3 v = vector_of(fields, vectors[axes[n]], "space directions");
    v[0] *= signs[0];
    v[1] *= signs[1];
    const double length = std::sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    check_spacing(scale * length, text("space directions (length of vector ", axes[n] + 1, ")"), fields.file());
    g.spacing[n] = scale * length;
    for (std::size_t row = 0; row < 3; ++row) g.direction[3 * row + n] = v[row] / length;
  }
  g.direction = right_angled(g.direction, "space directions", fields.file(), result.notes);
  if (const std::string* origin = fields.find("space origin"); origin != nullptr) {
    std::string packed;
    for (const char c : *origin) packed += c == ' ' || c == '\t' ? std::string() : std::string(1, c);
    const Vec3 at = vector_of(fields, packed, "space origin");
    g.origin = {scale * signs[0] * at[0], scale * signs[1] * at[1], scale * at[2]};
  } else {
    warn(result.notes, "the field space origin is missing: the first voxel was taken to lie at 0");
  }
  result.facts.place = text("space ", printable(space), ", space directions, space origin");
  result.facts.spacing_field = "space directions";
}

VoxelPlace place_of(const TextFields& fields, const std::filesystem::path& path, std::size_t behind_header) {
  VoxelPlace place{path, false, behind_header};
  if (const std::string* name = fields.find("data file"); name != nullptr) {
    if (lower_case(*name).starts_with("list") || name->find('%') != name->npos)
      refuse_header(fields.file(), "field data file names several files ('", printable(*name),
                    "'), expected one; save it as one .nrrd");
    place = {voxel_file(path, *name, "data file"), true};
  }
  const std::string encoding = lower_case(fields.need("encoding"));
  if (encoding == "gzip" || encoding == "gz") {
    place.compression = Compression::gzip;
  } else if (encoding != "raw") {
    refuse_header(fields.file(), "field encoding is '", printable(encoding), "', expected raw or gzip; save it so");
  }
  if (fields.find("line skip") != nullptr && fields.integers("line skip", 1)[0] != 0)
    refuse_header(fields.file(), "field line skip is not 0, expected voxels from the first line on; save it as one .nrrd");
  if (fields.find("byte skip") == nullptr) return place;
  const std::int64_t skip = fields.integers("byte skip", 1)[0];
  if (skip < -1 || (skip == -1 && place.compression != Compression::none) || skip > std::int64_t{1} << 32)
    refuse_header(fields.file(), "field byte skip is ", skip, ", expected a number from 0 on, or -1 with raw voxels");
  place.at_end = skip == -1;
  place.skip = skip > 0 ? static_cast<std::uint64_t>(skip) : 0;
  return place;
}

void read_geometry(const TextFields& fields, const ReadOptions& options, VolumeFile& result) {
  const std::int64_t dimension = fields.integers("dimension", 1)[0];
  if (dimension < 3 || dimension > 16)
    refuse_header(fields.file(), "field dimension is ", dimension, ", expected 3 (a volume); give a 3-D image");
  const auto rank = static_cast<std::size_t>(dimension);
  const std::vector<std::int64_t> sizes = fields.integers("sizes", rank);
  const std::string* directions = fields.find("space directions");
  const std::vector<std::string> vectors = directions == nullptr ? std::vector<std::string>() : vectors_of(*directions);
  if (directions != nullptr && vectors.size() != rank)
    refuse_header(fields.file(), "field space directions has ", vectors.size(), " vectors, expected ", rank,
                  "; the header is damaged");
  const std::vector<std::size_t> axes = spatial_axes(fields, rank, sizes, {vectors.begin(), vectors.end()});
  Geometry& g = result.volume.geometry;
  for (std::size_t n = 0; n < 3; ++n) {
    check_axis_size(sizes[axes[n]], text("sizes[", axes[n] + 1, "]"), fields.file());
    g.size[n] = sizes[axes[n]];
  }
  check_voxel_count(g, fields.file());
  const std::string* space = fields.find("space");
  if (space != nullptr && directions != nullptr) return read_space(fields, axes, vectors, *space, result);
  const double scale = unit_of(fields, axes, false, result);
  const std::string missing = space == nullptr ? "the field space is missing" : "the field space directions is missing";
  if (fields.find("spacings") != nullptr) {
    std::string text_of(fields.need("spacings"));
    const auto words = words_of(text_of);
    for (std::size_t n = 0; n < 3 && words.size() == rank; ++n) {
      double mm = 0;
      if (parse_number(words[axes[n]], mm)) g.spacing[n] = scale * mm;
      check_spacing(parse_number(words[axes[n]], mm) ? scale * mm : std::nan(""), "spacings", fields.file());
    }
    result.facts.spacing_field = "spacings";
  } else if (!options.assume_orientation.empty()) {
    refuse_header(
        fields.file(),
        "lacks the field spacings (or space and space directions), so its voxels have no size; write it into the header");
  }
  g = assumed_orientation(g, options, missing, fields.file(), result.notes);
  result.facts.place = "assumed (--assume-orientation)";
}

}  // namespace

bool begins_as_nrrd(std::string_view bytes) { return bytes.starts_with(kMagic); }

VolumeFile read_nrrd_file(const std::filesystem::path& path, const ReadOptions& options, const ClaimCheck& check) {
  VolumeFile result;
  std::size_t at = 0;
  const TextFields fields = read_fields(path, beginning_of(path), at);
  const VoxelEncoding encoding = encoding_of(fields);
  read_geometry(fields, options, result);
  const VoxelPlace place = place_of(fields, path, at);
  result.facts.format = text(place.detached ? "NRRD header with detached voxels" : "NRRD",
                             place.compression == Compression::gzip ? ", gzip" : "");
  result.facts.size_field = "sizes";
  result.facts.type = encoding.type_text();
  result.facts.type_field = "type";
  result.facts.scaling = "none";
  result.facts.scaling_field = "none in this format";
  for (const char* field : {"old min", "oldmin", "old max", "oldmax"}) {
    if (fields.find(field) != nullptr) {
      warn(result.notes, "the fields old min and old max say that values were quantised; the stored values were taken");
      break;
    }
  }
  read_voxels_at(place, encoding, path, check, result);
  return result;
}

void write_nrrd(const std::filesystem::path& path, const Volume& volume) {
  const Geometry& g = volume.geometry;
  const auto vector = [](double x, double y, double z) {
    return text('(', shortest(x), ',', shortest(y), ',', shortest(z), ')');
  };
  std::string header = text("NRRD0004\ntype: float\ndimension: 3\nspace: left-posterior-superior\nsizes: ", g.size[0], ' ',
                            g.size[1], ' ', g.size[2], "\nspace directions:");
  for (std::size_t n = 0; n < 3; ++n)
    header += ' ' + vector(g.direction[n] * g.spacing[n], g.direction[3 + n] * g.spacing[n], g.direction[6 + n] * g.spacing[n]);
  header += text("\nspace units: \"mm\" \"mm\" \"mm\"\nspace origin: ", vector(g.origin[0], g.origin[1], g.origin[2]),
                 "\nkinds: domain domain domain\nendian: little\nencoding: raw\n\n");
  OutputFile file(path);
  file.write(header);
  file.write({reinterpret_cast<const char*>(volume.data.data()), volume.data.size() * sizeof(float)});
  file.commit();
}

}  // namespace vitrine::imaging
