#include "data/photograph_kind.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/error.h"

namespace vitrine {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::size_t at;
  std::string_view bytes;
  std::string_view kind;
};

// Pictures that other programs turn into PNG or JPEG.
constexpr Magic kPictures[] = {
    {0, "GIF87a"sv, "a GIF picture"},
    {0, "GIF89a"sv, "a GIF picture"},
    {8, "WEBP"sv, "a WebP picture"},
    {4, "ftypavif"sv, "an AVIF picture"},
    {4, "ftypavis"sv, "an AVIF picture"},
    {4, "ftyphei"sv, "a HEIC picture, as telephones save them"},
    {4, "ftyphev"sv, "a HEIC picture, as telephones save them"},
    {4, "ftypmif1"sv, "a HEIF picture, as telephones save them"},
    {4, "ftypmsf1"sv, "a HEIF picture, as telephones save them"},
    {4, "ftypcrx"sv, "a camera's raw picture (CR3)"},
    {0, "II*\0"sv, "a TIFF or a camera's raw picture"},
    {0, "MM\0*"sv, "a TIFF or a camera's raw picture"},
    {0, "II+\0"sv, "a BigTIFF picture"},
    {0, "MM\0+"sv, "a BigTIFF picture"},
    {0, "FUJIFILMCCD-RAW"sv, "a camera's raw picture (RAF)"},
    {0, "IIRO"sv, "a camera's raw picture (ORF)"},
    {0, "IIU\0"sv, "a camera's raw picture (RW2)"},
    {0, "BM"sv, "a BMP picture"},
    {0, "\0\0\1\0"sv, "an icon (ICO)"},
    {0, "8BPS"sv, "a Photoshop picture (PSD)"},
    {0, "\xff\x0a"sv, "a JPEG XL picture"},
    {0, "\0\0\0\x0cJXL "sv, "a JPEG XL picture"},
    {0, "\0\0\0\x0cjP  "sv, "a JPEG 2000 picture"},
    {0, "\xff\x4f\xff\x51"sv, "a JPEG 2000 picture"},
    {0, "\xff\xd8\xff\xf7"sv, "a JPEG-LS picture"},
    {0, "\x8aMNG"sv, "an MNG animation"},
    {0, "\x8bJNG"sv, "a JNG picture"},
    {0, "v/1\1"sv, "an OpenEXR picture"},
    {0, "#?RADIANCE"sv, "a Radiance picture"},
    {0, "qoif"sv, "a QOI picture"},
    {0, "%PDF"sv, "a PDF document"},
    {0, "%!PS"sv, "a PostScript document"},
};

// Files that hold something else.
constexpr Magic kOthers[] = {
    {0, "\x89PNG"sv, "a PNG picture whose line ends were changed, as a transfer in text mode does; copy it again"},
    {0, "\xff\xd8"sv, "the beginning of a JPEG picture with something else behind it; copy it again"},
    {128, "DICM"sv, "a DICOM file, which `vitrine mri prep` reads once it is converted to NIfTI"},
    {344, "n+1\0"sv, "a NIfTI volume, which `vitrine mri prep` reads"},
    {0, "\x1f\x8b"sv, "compressed with gzip; unpack it first"},
    {0, "PK\3\4"sv, "a zip archive; unpack it first"},
    {0, "Rar!"sv, "a rar archive; unpack it first"},
    {0, "7z\xbc\xaf"sv, "a 7-zip archive; unpack it first"},
    {0,
     "\x7f"
     "ELF"sv,
     "a program"},
    {0, "\x93NUMPY"sv, "a NumPy array; save it as PNG"},
    {0, "\x89HDF"sv, "an HDF5 file"},
    {4, "ftyp"sv, "a video or an animation; save one picture of it as PNG"},
    {0, "version https://git-lfs"sv, "a Git LFS pointer, not the picture itself; run git lfs pull"},
};

bool has(std::string_view head, const Magic& magic) {
  return head.size() >= magic.at && head.substr(magic.at).starts_with(magic.bytes);
}

bool is_text(std::string_view head) {
  head = head.substr(0, head.size() - std::min<std::size_t>(head.size(), 3));  // a character may be cut at the end
  return is_utf8(head) && std::none_of(head.begin(), head.end(), [](char c) {
           return static_cast<unsigned char>(c) < 32 && std::string_view("\t\n\r\f").find(c) == std::string_view::npos;
         });
}

std::string kind_of_text(std::string_view head) {
  std::string small(head);
  std::transform(small.begin(), small.end(), small.begin(), [](unsigned char c) { return std::tolower(c); });
  if (small.find("<svg") != std::string::npos)
    return "it is a drawing (SVG), which has no pixels; save it as PNG from a program that shows it";
  if (small.find("<!doctype html") != std::string::npos || small.find("<html") != std::string::npos)
    return "it is an HTML page, perhaps what a server sent instead of the picture; download it again";
  if (head.size() >= 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7')
    return "it is a Netpbm picture; convert it to PNG or JPEG first";
  return "it is a text, not a picture";
}

}  // namespace

std::string not_a_photograph(std::string_view head) {
  if (head.empty()) return "it is empty";
  for (const Magic& magic : kPictures) {
    if (has(head, magic)) return text("it is ", magic.kind, "; convert it to PNG or JPEG first");
  }
  for (const Magic& magic : kOthers) {
    if (has(head, magic)) return text("it is ", magic.kind);
  }
  if (head.size() >= 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '7' && head.size() > 2 &&
      std::isspace(static_cast<unsigned char>(head[2])))
    return "it is a Netpbm picture; convert it to PNG or JPEG first";
  if (std::all_of(head.begin(), head.end(), [](char c) { return c == 0; }))
    return "it begins with zeros alone, as a copy that failed does; copy it again";
  if (is_text(head)) return kind_of_text(head);
  return "it is neither a PNG nor a JPEG file";
}

}  // namespace vitrine
