#include "weights/torch_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/number.h"
#include "weights/checked.h"
#include "weights/pickle.h"
#include "weights/torch_tensors.h"
#include "weights/zip_archive.h"

namespace vitrine {
namespace {

constexpr std::uint64_t kMaxPickleBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxLegacyHead = std::uint64_t{16} << 20;

using Members = std::map<std::string, ZipEntry, std::less<>>;

// The entries by their path below the one folder that all of them share.
Members members_of(const ByteSource& source, std::string_view file) {
  Members members;
  std::string folder;
  for (const ZipEntry& entry : read_stored_zip(source, file)) {
    const std::size_t slash = entry.name.find('/');
    if (slash == std::string::npos || slash == 0) {
      throw WeightsError(
          text(file, ": the zip entry '", entry.name, "' lies in no folder; the archive was not written by torch.save"));
    }
    if (folder.empty()) folder = entry.name.substr(0, slash);
    if (folder != entry.name.substr(0, slash)) {
      throw WeightsError(
          text(file, ": the zip archive has two top folders, '", folder, "' and '", entry.name.substr(0, slash), "'"));
    }
    members.emplace(entry.name.substr(slash + 1), entry);
  }
  return members;
}

// A short text member without its line end; longer than any text can be when the member is no such text.
std::string text_of(const ByteSource& source, const ZipEntry& entry) {
  std::string s = source.read(entry.offset, std::min<std::uint64_t>(entry.size, 64));
  while (!s.empty() && (s.back() == '\n' || s.back() == '\r')) s.pop_back();
  return s;
}

void check_members(const ByteSource& source, const Members& members, std::string_view file) {
  if (members.contains("constants.pkl")) {
    throw WeightsError(text(file, ": it is a TorchScript program, not a state dict; save model.state_dict() with torch.save"));
  }
  if (!members.contains("data.pkl")) {
    throw WeightsError(text(file, ": the zip archive has no data.pkl; it was not written by torch.save"));
  }
  const auto version = members.contains("version") ? members.find("version") : members.find(".data/version");
  std::int64_t number = 0;
  if (version == members.end() || !parse_number(text_of(source, version->second), number) || number < 1 || number > 10) {
    throw WeightsError(text(file, ": the member 'version' is missing or not a number from 1 to 10"));
  }
  const auto order = members.find("byteorder");
  if (order != members.end() && text_of(source, order->second) != "little") {
    throw WeightsError(text(file, ": its numbers are not little-endian; save it again on a little-endian machine"));
  }
}

class LegacyReader {
 public:
  LegacyReader(const ByteSource& source, std::string_view file)
      : source_(source), head_(source.head(kMaxLegacyHead)), file_(file) {}

  TensorFile read() {
    // LONG1 0x1950a86a20f9469cfc6c, then BININT2 1001: the magic and the protocol version, each a pickle of its own.
    literal(std::string_view("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15),
            "the magic number of torch.save");
    literal(std::string_view("\x80\x02M\xe9\x03.", 6), "the version 1001 of torch.save");
    check_system(next("the system information"));
    const Pickle object = next("the object");
    const Pickle keys = next("the storage keys");
    TorchStorages storages = declared_storages(object, source_.size(), file_);
    read_storages(keys, storages);
    return state_dict_of(object, storages, source_, file_);
  }

 private:
  [[noreturn]] void refuse(const std::string& flaw) const {
    throw WeightsError(text(file_, ": refused at byte ", at_, ": ", flaw));
  }

  void literal(std::string_view expected, std::string_view what) {
    if (std::string_view(head_).substr(at_, expected.size()) != expected)
      refuse(text(what, " is expected here; the file is damaged or cut off"));
    at_ += expected.size();
  }

  Pickle next(std::string_view what) {
    Pickle pickle = read_pickle(std::string_view(head_).substr(at_), text(file_, ", ", what), at_);
    at_ += pickle.end;
    return pickle;
  }

  void check_system(const Pickle& system) const {
    const PickleValue& root = system[system.root];
    const PickleValue* little = root.kind == PickleKind::dict ? system.find(root, "little_endian") : nullptr;
    if (little == nullptr || little->kind != PickleKind::boolean || little->integer != 1) {
      refuse("the system information before this byte does not say that numbers are little-endian");
    }
  }

  void read_storages(const Pickle& keys, TorchStorages& storages) {
    const PickleValue& list = keys[keys.root];
    if (list.kind != PickleKind::list) refuse("a list of storage keys is expected before this byte");
    std::set<std::string> seen;
    for (const PickleId id : list.items) {
      const std::string& key = keys[id].text;
      const auto found = storages.find(key);
      if (keys[id].kind != PickleKind::text || found == storages.end() || !seen.insert(key).second) {
        refuse("the list of storage keys before this byte has a key that no tensor uses, or has one twice");
      }
      TorchStorage& storage = found->second;
      const std::uint64_t size = static_cast<std::uint64_t>(storage.count) * dtype_bytes(storage.type);
      const std::uint64_t left = source_.size() - at_;
      if (left < 8 || left - 8 < size) {
        refuse(
            text("the storage ", key, " needs ", size, " bytes after its element count, the file is cut off; fetch it again"));
      }
      const auto count = load_little_endian<std::uint64_t>(source_.read(at_, 8).data());
      if (count != static_cast<std::uint64_t>(storage.count)) {
        refuse(text("the storage ", key, " has ", count, " elements, the pickle declares ", storage.count));
      }
      storage.offset = at_ + 8;
      at_ += 8 + size;
    }
    if (seen.size() != storages.size())
      refuse(text("tensors use ", storages.size(), " storages, the file holds ", seen.size()));
    if (at_ != source_.size()) refuse(text(source_.size() - at_, " bytes follow the last storage, none are expected"));
  }

  const ByteSource& source_;
  const std::string head_;
  std::string_view file_;
  std::uint64_t at_ = 0;
};

}  // namespace

TensorFile parse_torch_zip(const ByteSource& source, std::string_view file_name) {
  const Members members = members_of(source, file_name);
  check_members(source, members, file_name);
  const ZipEntry& entry = members.find("data.pkl")->second;
  if (entry.size > kMaxPickleBytes) {
    throw WeightsError(
        text(file_name, ", member data.pkl: it has ", entry.size, " bytes, at most ", kMaxPickleBytes, " are allowed"));
  }
  const std::string program = source.read(entry.offset, entry.size);
  const Pickle pickle = read_pickle(program, text(file_name, ", member data.pkl"));
  if (pickle.end != program.size()) {
    throw WeightsError(
        text(file_name, ", member data.pkl: ", program.size() - pickle.end, " bytes follow the pickle, none are expected"));
  }
  TorchStorages storages = declared_storages(pickle, source.size(), file_name);
  for (auto& [key, storage] : storages) {
    const auto member = members.find("data/" + key);
    const std::uint64_t expected = static_cast<std::uint64_t>(storage.count) * dtype_bytes(storage.type);
    if (member == members.end() || member->second.size != expected) {
      throw WeightsError(text(file_name, ": the member data/", key, " ",
                              member == members.end() ? std::string("is missing") : text("has ", member->second.size, " bytes"),
                              ", ", storage.count, " elements of ", dtype_name(storage.type), " need ", expected));
    }
    storage.offset = member->second.offset;
  }
  return state_dict_of(pickle, storages, source, file_name);
}

TensorFile parse_torch_legacy(const ByteSource& source, std::string_view file_name) {
  return LegacyReader(source, file_name).read();
}

}  // namespace vitrine
