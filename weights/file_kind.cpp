#include "weights/file_kind.h"

namespace vitrine {

std::string_view other_kind_of_file(std::string_view bytes) {
  constexpr std::string_view kPickleProtocols("\x02\x03\x04\x05");
  if (bytes.empty()) return "an empty file; the download was probably cut off, fetch it again";
  if (bytes.starts_with("version https://git-lfs")) return "a Git LFS pointer; fetch the real file with 'git lfs pull'";
  if (bytes.starts_with("<!DOCTYPE") || bytes.starts_with("<!doctype") || bytes.starts_with("<html") ||
      bytes.starts_with("<HTML")) {
    return "an HTML page; the download probably brought an error page instead of the file";
  }
  if (bytes.starts_with("\x1f\x8b")) return "a gzip archive; unpack it first";
  if (bytes.starts_with("PK\x03\x04")) return "a zip archive, as torch.save writes it; give it the extension .pth";
  if (bytes.starts_with("PK\x05\x06")) return "an empty zip archive";
  if (bytes.starts_with("BZh")) return "a bzip2 archive; unpack it first";
  if (bytes.starts_with(std::string_view("\xfd"
                                         "7zXZ\0",
                                         6)))
    return "an xz archive; unpack it first";
  if (bytes.starts_with("\x89HDF")) return "an HDF5 file (Keras); convert it to safetensors first";
  if (bytes.starts_with("\x93NUMPY")) return "a NumPy array; convert it to safetensors first";
  if (bytes.starts_with("\x89PNG") || bytes.starts_with("\xff\xd8\xff")) return "an image, not weights";
  if (bytes.starts_with("GGUF")) return "a GGUF file; convert it to safetensors first";
  if (bytes.starts_with("{")) return "a JSON text, not weights";
  if (bytes.size() > 257 + 5 && bytes.substr(257, 5) == "ustar") return "a tar archive; unpack it first";
  if (bytes.size() > 1 && bytes[0] == '\x80' && kPickleProtocols.find(bytes[1]) != std::string_view::npos) {
    return "a Python pickle that torch.save did not write; nothing of it was executed; save a state_dict with torch.save";
  }
  return {};
}

}  // namespace vitrine
