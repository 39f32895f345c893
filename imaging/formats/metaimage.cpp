#include "imaging/formats/metaimage.h"

#include <cmath>

#include "base/error.h"
#include "base/number.h"
#include "base/output.h"
#include "imaging/formats/header_check.h"
#include "imaging/formats/text_header.h"
#include "imaging/orientation.h"

namespace vitrine::imaging {
namespace {

struct TypeName {
  const char* name;
  ScalarType type;
};
constexpr TypeName kTypes[] = {{"met_char", ScalarType::i8},       {"met_uchar", ScalarType::u8},
                               {"met_short", ScalarType::i16},     {"met_ushort", ScalarType::u16},
                               {"met_int", ScalarType::i32},       {"met_uint", ScalarType::u32},
                               {"met_long_long", ScalarType::i64}, {"met_ulong_long", ScalarType::u64},
                               {"met_float", ScalarType::f32},     {"met_double", ScalarType::f64}};

// Fields by their names in lower case, and the offset of what follows ElementDataFile, which is the last.
TextFields read_fields(const std::filesystem::path& path, std::string_view head, std::size_t& at) {
  TextFields fields(shown(path));
  while (const auto line = next_line(head, at, true)) {
    if (trimmed(*line).empty()) continue;
    const std::size_t equals = line->find('=');
    if (equals == line->npos)
      refuse_header(fields.file(), "holds the line '", printable(*line), "', expected 'Field = value'; the header is damaged");
    const std::string name = lower_case(trimmed(line->substr(0, equals)));
    fields.add(name, trimmed(line->substr(equals + 1)));
    if (name == "elementdatafile") return fields;
  }
  refuse_header(fields.file(), "ends without the field ElementDataFile; copy or export the file again");
}

// The first of these fields that is there.
const char* first_of(const TextFields& fields, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (fields.find(name) != nullptr) return name;
  }
  return nullptr;
}

bool is_true(const TextFields& fields, const char* name, bool otherwise) {
  const std::string* value = fields.find(name);
  if (value == nullptr || value->empty()) return otherwise;
  const char c = lower_case(*value).front();
  if (c != 't' && c != 'f' && c != '1' && c != '0')
    refuse_header(fields.file(), "field ", name, " is '", printable(*value),
                  "', expected True or False; the header is damaged");
  return c == 't' || c == '1';
}

VoxelEncoding encoding_of(const TextFields& fields, Notes& notes) {
  VoxelEncoding encoding;
  const std::string type = lower_case(fields.need("elementtype"));
  const TypeName* known = nullptr;
  for (const TypeName& t : kTypes) known = type == t.name ? &t : known;
  if (known == nullptr)
    refuse_header(fields.file(), "field ElementType is '", printable(type),
                  "', expected a scalar one such as MET_SHORT or MET_FLOAT");
  encoding.type = known->type;
  if (fields.find("elementnumberofchannels") != nullptr && fields.integers("elementnumberofchannels", 1)[0] != 1)
    refuse_header(fields.file(),
                  "field ElementNumberOfChannels is not 1: a vector or colour image, expected a grey one; split it");
  if (!is_true(fields, "binarydata", true))
    refuse_header(fields.file(), "field BinaryData is False: the voxels are text, expected binary ones; save it so");
  const char* order = first_of(fields, {"binarydatabyteordermsb", "elementbyteordermsb"});
  if (order == nullptr && encoding.voxel_bytes() > 1)
    note(notes, "the field BinaryDataByteOrderMSB is missing: little-endian was taken");
  encoding.big_endian = order != nullptr && is_true(fields, order, false);
  if (fields.find("elementtointensityfunctionslope") != nullptr)
    encoding.slope = fields.numbers("elementtointensityfunctionslope", 1)[0];
  if (fields.find("elementtointensityfunctionoffset") != nullptr)
    encoding.intercept = fields.numbers("elementtointensityfunctionoffset", 1)[0];
  if (encoding.slope == 0) refuse_header(fields.file(), "field ElementToIntensityFunctionSlope is 0, expected another number");
  encoding.scaled = encoding.slope != 1 || encoding.intercept != 0;
  if (encoding.scaled) warn(notes, "the slope and offset of the header were applied; ITK's reader leaves them out");
  return encoding;
}

void read_size(const TextFields& fields, Geometry& g) {
  const std::int64_t rank = fields.integers("ndims", 1)[0];
  if (rank < 3 || rank > 10) refuse_header(fields.file(), "field NDims is ", rank, ", expected 3 (a volume); give a 3-D image");
  const std::vector<std::int64_t> sizes = fields.integers("dimsize", static_cast<std::size_t>(rank));
  for (std::size_t n = 0; n < sizes.size(); ++n) {
    if (n >= 3 && sizes[n] != 1)
      refuse_header(fields.file(), "is ", rank, "-D: field DimSize has ", sizes[n], " along axis ", n + 1,
                    ", expected 1; split it and give one 3-D volume");
    if (n >= 3) continue;
    check_axis_size(sizes[n], text("DimSize[", n + 1, "]"), fields.file());
    g.size[n] = sizes[n];
  }
  check_voxel_count(g, fields.file());
}

void read_place(const TextFields& fields, const ReadOptions& options, VolumeFile& result) {
  Geometry& g = result.volume.geometry;
  const auto rank = static_cast<std::size_t>(fields.integers("ndims", 1)[0]);
  const char* spacing = first_of(fields, {"elementspacing", "elementsize"});
  if (spacing == nullptr)
    refuse_header(fields.file(), "lacks the field ElementSpacing, so its voxels have no size; write it into the header");
  const std::vector<double> mm = fields.numbers(spacing, rank);
  for (std::size_t n = 0; n < 3; ++n) {
    check_spacing(mm[n], text(std::string(spacing) == "elementsize" ? "ElementSize[" : "ElementSpacing[", n + 1, "]"),
                  fields.file());
    g.spacing[n] = mm[n];
  }
  result.facts.spacing_field = std::string(spacing) == "elementsize" ? "ElementSize" : "ElementSpacing";
  const char* matrix = first_of(fields, {"transformmatrix", "rotation", "orientation"});
  if (matrix == nullptr) {
    g = assumed_orientation(g, options, "the field TransformMatrix is missing", fields.file(), result.notes);
    result.facts.place = "assumed (--assume-orientation)";
    return;
  }
  const std::vector<double> m = fields.numbers(matrix, rank * rank);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    double length = 0;
    for (std::size_t c = 0; c < 3; ++c) length += m[rank * axis + c] * m[rank * axis + c];
    if (std::abs(std::sqrt(length) - 1) > 1e-3)
      refuse_header(fields.file(), "field TransformMatrix has a direction of length ", std::sqrt(length), " for axis ",
                    axis + 1, ", expected 1; the header is damaged");
    for (std::size_t c = 0; c < 3; ++c) g.direction[3 * c + axis] = m[rank * axis + c] / std::sqrt(length);
  }
  g.direction = right_angled(g.direction, "TransformMatrix", fields.file(), result.notes);
  const char* offset = first_of(fields, {"offset", "origin", "position"});
  if (offset != nullptr) {
    const std::vector<double> at = fields.numbers(offset, rank);
    g.origin = {at[0], at[1], at[2]};
  } else {
    warn(result.notes, "the field Offset is missing: the first voxel was taken to lie at 0");
  }
  result.facts.place = "TransformMatrix, Offset";
}

// AnatomicalOrientation repeats in letters what the matrix says; ITK writes where the axes come from, others where they go to.
void compare_letters(const TextFields& fields, VolumeFile& result) {
  const std::string* letters = fields.find("anatomicalorientation");
  if (letters == nullptr || letters->find('?') != letters->npos || fields.find("transformmatrix") == nullptr) return;
  const std::string code = storage_order(result.volume.geometry).code;
  std::string from = code;
  constexpr std::string_view kPairs = "LRPASI";
  for (char& c : from) c = kPairs[kPairs.find(c) ^ 1U];
  if (*letters == from || *letters == code) return;
  warn(result.notes, text("the field AnatomicalOrientation is '", printable(*letters),
                          "' and the TransformMatrix says that the axes come from ", from, "; the matrix was taken"));
}

VoxelPlace place_of(const TextFields& fields, const std::filesystem::path& path, std::size_t behind_header) {
  const std::string name = fields.need("elementdatafile");
  VoxelPlace place{path, false, behind_header};
  if (name != "LOCAL" && name != "Local" && name != "local") {
    if (name.starts_with("LIST") || name.find('%') != name.npos || words_of(name).size() > 3)
      refuse_header(fields.file(), "field ElementDataFile names several files ('", printable(name),
                    "'), expected one; save it as one .mha");
    place = {voxel_file(path, name, "ElementDataFile"), true};
  }
  if (is_true(fields, "compresseddata", false)) place.compression = Compression::zlib;
  if (fields.find("headersize") == nullptr) return place;
  const std::int64_t skip = fields.integers("headersize", 1)[0];
  if (skip < -1 || skip > std::int64_t{1} << 32 || (skip == -1 && place.compression != Compression::none))
    refuse_header(fields.file(), "field HeaderSize is ", skip, ", expected a number from 0 on, or -1 with raw voxels");
  place.at_end = skip == -1;
  place.offset += skip > 0 ? static_cast<std::uint64_t>(skip) : 0;
  return place;
}

}  // namespace

bool begins_as_metaimage(std::string_view bytes) {
  std::size_t at = 0;
  const auto line = next_line(bytes, at, true);
  if (!line || line->find('=') == line->npos) return false;
  const std::string name = lower_case(trimmed(line->substr(0, line->find('='))));
  return name == "objecttype" || name == "ndims" || name == "comment";
}

VolumeFile read_metaimage_file(const std::filesystem::path& path, const ReadOptions& options, const ClaimCheck& check) {
  VolumeFile result;
  std::size_t at = 0;
  const TextFields fields = read_fields(path, beginning_of(path), at);
  if (const std::string* type = fields.find("objecttype"); type != nullptr && lower_case(*type) != "image")
    refuse_header(fields.file(), "field ObjectType is '", printable(*type), "', expected Image");
  const VoxelEncoding encoding = encoding_of(fields, result.notes);
  read_size(fields, result.volume.geometry);
  read_place(fields, options, result);
  compare_letters(fields, result);
  const VoxelPlace place = place_of(fields, path, at);
  result.facts.format = text(place.detached ? "MetaImage header with detached voxels" : "MetaImage",
                             place.compression == Compression::zlib ? ", zlib" : "");
  result.facts.size_field = "DimSize";
  result.facts.type = encoding.type_text();
  result.facts.type_field = "ElementType";
  result.facts.scaling = encoding.scaling_text();
  result.facts.scaling_field = "ElementToIntensityFunctionSlope, -Offset";
  result.facts.units = "mm";
  result.facts.units_field = "none in this format";
  read_voxels_at(place, encoding, path, check, result);
  return result;
}

void write_metaimage(const std::filesystem::path& path, const Volume& volume) {
  const Geometry& g = volume.geometry;
  const auto three = [](double x, double y, double z) { return text(shortest(x), ' ', shortest(y), ' ', shortest(z)); };
  std::string header =
      "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nCompressedData = "
      "False\nTransformMatrix =";
  for (std::size_t n = 0; n < 3; ++n) header += ' ' + three(g.direction[n], g.direction[3 + n], g.direction[6 + n]);
  header +=
      text("\nOffset = ", three(g.origin[0], g.origin[1], g.origin[2]),
           "\nCenterOfRotation = 0 0 0\nElementSpacing = ", three(g.spacing[0], g.spacing[1], g.spacing[2]),
           "\nDimSize = ", g.size[0], ' ', g.size[1], ' ', g.size[2], "\nElementType = MET_FLOAT\nElementDataFile = LOCAL\n");
  OutputFile file(path);
  file.write(header);
  file.write({reinterpret_cast<const char*>(volume.data.data()), volume.data.size() * sizeof(float)});
  file.commit();
}

}  // namespace vitrine::imaging
