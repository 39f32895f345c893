// A manifest, with what its reader should know said on stderr.
#pragma once

#include <string>

#include "base/standard_streams.h"
#include "data/manifest.h"

namespace vitrine::cli {

inline void note_remarks(const Manifest& manifest) {
  for (const std::string& remark : manifest.notes) note(remark);
}

inline Manifest read_noted_manifest(const std::string& name) {
  Manifest manifest = read_manifest(name);
  note_remarks(manifest);
  return manifest;
}

}  // namespace vitrine::cli
