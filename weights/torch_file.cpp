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
constexpr std::string_view kMagic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);  // 0x1950a86a20f9469cfc6c
constexpr std::int64_t kVersion = 1001;

using Members = std::map<std::string, ZipEntry, std::less<>>;

// The entries by their path below the one folder that all of them share.
Members members_of(const ByteSource& source, std::string_view file) {
  Members members;
  std::string folder;
  for (const ZipEntry& entry : read_stored_zip(source, file)) {
    const std::size_t slash = entry.name.find('/');
    if (slash == std::string::npos || slash == 0) {
      throw WeightsError(text(file, ": the zip entry '", printable(entry.name),
                              "' lies in no folder; the archive was not written by torch.save"));
    }
    if (folder.empty()) folder = entry.name.substr(0, slash);
    if (folder != entry.name.substr(0, slash)) {
      throw WeightsError(text(file, ": the zip archive has two top folders, '", printable(folder, 40), "' and '",
                              printable(entry.name.substr(0, slash), 40), "'"));
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

  TensorFile read(WeightSet wanted) {
    if (const Pickle magic = next("the magic number"); magic[magic.root].text != kMagic)
      refuse("the magic number of torch.save is expected before this byte; the file is damaged");
    const Pickle version = next("the version");
    if (version[version.root].kind != PickleKind::integer || version[version.root].integer != kVersion)
      refuse(text("the version ", kVersion, " of torch.save is expected before this byte; the file is damaged"));
    check_system(next("the system information"));
    const Pickle object = next("the object");
    const Pickle keys = next("the storage keys");
    TorchStorages storages = declared_storages(object, source_.size(), file_);
    read_storages(keys, storages);
    return network_of(object, storages, source_, wanted, file_);
  }

 private:
  [[noreturn]] void refuse(const std::string& flaw) const {
    throw WeightsError(text(file_, ": refused at byte ", at_, ": ", flaw));
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
    std::set<std::string_view> seen;
    for (const PickleId id : list.items) {
      const std::string_view key = keys[id].text;
      const auto found = storages.find(key);
      if (keys[id].kind != PickleKind::text || found == storages.end() || !seen.insert(key).second) {
        refuse("the list of storage keys before this byte has a key that no tensor uses, or has one twice");
      }
      TorchStorage& storage = found->second;
      if (storage.item_bytes == 0)
        refuse(text("the storage ", key, " is of a class whose element size is not known, so what follows it cannot be found"));
      const std::uint64_t size = storage.size_in_bytes();
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

bool is_torch_legacy(std::string_view head) {
  // PROTO; from protocol 4 on a frame around the rest; LONG1 of ten bytes.
  if (head.size() < 2 || head[0] != '\x80' || head[1] < 2 || head[1] > 5) return false;
  head.remove_prefix(2);
  if (head.starts_with('\x95')) head.remove_prefix(std::min<std::size_t>(9, head.size()));
  return head.starts_with("\x8a\x0a");
}

TensorFile parse_torch_zip(const ByteSource& source, WeightSet wanted, std::string_view file_name) {
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
    if (storage.item_bytes == 0) continue;
    const auto member = members.find("data/" + key);
    const std::uint64_t expected = storage.size_in_bytes();
    if (member == members.end() || member->second.size != expected) {
      throw WeightsError(text(file_name, ": the member data/", key, " ",
                              member == members.end() ? std::string("is missing") : text("has ", member->second.size, " bytes"),
                              ", ", storage.count, " elements of ", storage.element_name(), " need ", expected));
    }
    storage.offset = member->second.offset;
  }
  return network_of(pickle, storages, source, wanted, file_name);
}

TensorFile parse_torch_legacy(const ByteSource& source, WeightSet wanted, std::string_view file_name) {
  return LegacyReader(source, file_name).read(wanted);
}

}  // namespace vitrine
