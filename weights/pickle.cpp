#include "weights/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <unordered_map>

#include "base/error.h"
#include "weights/checked.h"
#include "weights/pickle_opcodes.h"
#include "weights/tensor_name.h"

namespace vitrine {
namespace {

constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxOpcodes = 400'000;
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;

struct AllowedName {
  std::string_view module, name;
  PickleGlobal global;
  DType type;
};

constexpr std::array<AllowedName, 12> kAllowedNames{
    {{"collections", "OrderedDict", PickleGlobal::ordered_dict, DType::f32},
     {"torch._utils", "_rebuild_tensor_v2", PickleGlobal::rebuild_tensor, DType::f32},
     {"torch._utils", "_rebuild_parameter", PickleGlobal::rebuild_parameter, DType::f32},
     {"torch", "Size", PickleGlobal::size, DType::f32},
     {"torch", "DoubleStorage", PickleGlobal::storage, DType::f64},
     {"torch", "FloatStorage", PickleGlobal::storage, DType::f32},
     {"torch", "HalfStorage", PickleGlobal::storage, DType::f16},
     {"torch", "BFloat16Storage", PickleGlobal::storage, DType::bf16},
     {"torch", "LongStorage", PickleGlobal::storage, DType::i64},
     {"torch", "IntStorage", PickleGlobal::storage, DType::i32},
     {"torch", "ByteStorage", PickleGlobal::storage, DType::u8},
     {"torch", "BoolStorage", PickleGlobal::storage, DType::boolean}}};

std::string_view kind_name(PickleKind kind) {
  constexpr std::array<std::string_view, 12> kNames{"None",   "a boolean", "an integer", "a float", "a text",    "a tuple",
                                                    "a list", "a set",     "a dict",     "a class", "a storage", "a tensor"};
  return kNames[static_cast<std::size_t>(kind)];
}

class Machine {
 public:
  Machine(std::string_view bytes, std::string_view where, std::uint64_t first_byte)
      : bytes_(bytes), where_(where), first_byte_(first_byte) {}

  Pickle run() {
    if (take(1)[0] != static_cast<char>(kProto)) refuse("a pickle starts with the opcode PROTO");
    if (const int protocol = byte(); protocol < 2 || protocol > 4)
      refuse(text("pickle protocol ", protocol, ", 2 to 4 are read"));
    for (std::size_t opcodes = 1;; ++opcodes) {
      if (at_ > kMaxPickleBytes || opcodes > kMaxOpcodes) {
        refuse(text("it has more than ", kMaxOpcodes, " opcodes or ", kMaxPickleBytes, " bytes, which no state dict needs"));
      }
      opcode_at_ = at_;
      const unsigned char opcode = byte();
      if (opcode == kStop) break;
      if (!constant(opcode) && !container(opcode) && !memory(opcode) && !object(opcode)) refuse_opcode(opcode);
    }
    if (stack_.size() != 1 || !marks_.empty())
      refuse(text("STOP with ", stack_.size(), " values and ", marks_.size(), " marks on the stack, one value is expected"));
    pickle_.root = stack_.front();
    pickle_.end = at_;
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void refuse(const std::string& flaw) const {
    throw WeightsError(text(where_, ": pickle refused at byte ", first_byte_ + opcode_at_, ": ", flaw));
  }

  [[noreturn]] void refuse_opcode(unsigned char opcode) const {
    std::string_view name;
    for (const auto& [code, known] : kRefusedOpcodes) {
      if (code == opcode) name = known;
    }
    refuse(text("the opcode ", name.empty() ? "" : text(name, " "), "(", static_cast<int>(opcode),
                ") is not on the list of data opcodes; nothing was executed; save model.state_dict() with torch.save"));
  }

  // Reading.
  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_)
      refuse(text("it is cut off: ", count, " more bytes are expected, ", bytes_.size() - at_, " are left"));
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  unsigned char byte() { return static_cast<unsigned char>(take(1)[0]); }
  std::uint32_t u32() { return load_little_endian<std::uint32_t>(take(4).data()); }
  std::string_view line() {
    const std::size_t length = bytes_.substr(at_, 256).find('\n');
    if (length == std::string_view::npos) refuse("a name without an end within 256 bytes");
    return take(length + 1).substr(0, length);
  }
  std::string_view sized_text(std::size_t length) {
    if (length > kMaxTextBytes) refuse(text("a text of ", length, " bytes, at most ", kMaxTextBytes, " are allowed"));
    return take(length);
  }

  // The stack. Values below the topmost mark are out of reach until the mark is taken.
  void push(PickleValue value) {
    pickle_.values.push_back(std::move(value));
    stack_.push_back(static_cast<PickleId>(pickle_.values.size() - 1));
  }
  PickleId top() const {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("a value is expected on the stack, it is empty");
    return stack_.back();
  }
  PickleId pop() {
    const PickleId id = top();
    stack_.pop_back();
    return id;
  }
  std::vector<PickleId> pop_to_mark() {
    if (marks_.empty()) refuse("a mark is expected on the stack, there is none");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleId> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  PickleValue& at(PickleId id) { return pickle_.values[id]; }
  // The value `id`, which must be of this kind.
  PickleValue& need(PickleId id, PickleKind kind, std::string_view what) {
    if (at(id).kind != kind) refuse(text(what, " is ", kind_name(at(id).kind), ", ", kind_name(kind), " is expected"));
    return at(id);
  }
  void push_integer(PickleKind kind, std::int64_t value) { push({.kind = kind, .integer = value, .text = {}, .items = {}}); }
  void push_text(std::string_view value) { push({.kind = PickleKind::text, .text = std::string(value), .items = {}}); }
  void push_items(PickleKind kind, std::vector<PickleId> items) { push({.kind = kind, .text = {}, .items = std::move(items)}); }

  // The four groups of opcodes; each answers false when the opcode is not one of its own.
  bool constant(unsigned char opcode) {
    switch (opcode) {
      case kNone: push({}); return true;
      case kNewTrue: push_integer(PickleKind::boolean, 1); return true;
      case kNewFalse: push_integer(PickleKind::boolean, 0); return true;
      case kBinInt: push_integer(PickleKind::integer, static_cast<std::int32_t>(u32())); return true;
      case kBinInt1: push_integer(PickleKind::integer, byte()); return true;
      case kBinInt2: push_integer(PickleKind::integer, load_little_endian<std::uint16_t>(take(2).data())); return true;
      case kLong1: push_integer(PickleKind::integer, long1()); return true;
      case kBinFloat: push_real(); return true;
      case kBinUnicode: push_text(sized_text(u32())); return true;
      case kShortBinUnicode:
      case kShortBinString: push_text(sized_text(byte())); return true;
      default: return false;
    }
  }

  bool container(unsigned char opcode) {
    switch (opcode) {
      case kMark: marks_.push_back(stack_.size()); return true;
      case kEmptyTuple: push_items(PickleKind::tuple, {}); return true;
      case kEmptyList: push_items(PickleKind::list, {}); return true;
      case kEmptySet: push_items(PickleKind::set, {}); return true;
      case kEmptyDict: push_items(PickleKind::dict, {}); return true;
      case kTuple: push_items(PickleKind::tuple, pop_to_mark()); return true;
      case kTuple1:
      case kTuple2:
      case kTuple3: short_tuple(opcode - kTuple1 + std::size_t{1}); return true;
      case kAppend: extend(PickleKind::list, {pop()}); return true;
      case kAppends: extend(PickleKind::list, pop_to_mark()); return true;
      case kAddItems: extend(PickleKind::set, pop_to_mark()); return true;
      case kSetItem: set_item(); return true;
      case kSetItems: extend(PickleKind::dict, pop_to_mark()); return true;
      default: return false;
    }
  }

  bool memory(unsigned char opcode) {
    switch (opcode) {
      case kBinPut: memo_[byte()] = top(); return true;
      case kLongBinPut: memo_[u32()] = top(); return true;
      case kMemoize: memo_[static_cast<std::uint32_t>(memo_.size())] = top(); return true;
      case kBinGet: recall(byte()); return true;
      case kLongBinGet: recall(u32()); return true;
      case kFrame: frame(load_little_endian<std::uint64_t>(take(8).data())); return true;
      default: return false;
    }
  }

  bool object(unsigned char opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string_view module = line();
        push_global(module, line());
        return true;
      }
      case kStackGlobal: {
        const PickleId name = pop(), module = pop();
        push_global(need(module, PickleKind::text, "the module of a name").text, need(name, PickleKind::text, "a name").text);
        return true;
      }
      case kBinPersId: persistent(pop()); return true;
      case kReduce:
      case kNewObj: {
        const PickleId arguments = pop(), callable = pop();
        reduce(need(callable, PickleKind::global, "what is called"), need(arguments, PickleKind::tuple, "the argument list"));
        return true;
      }
      case kBuild: build(); return true;
      default: return false;
    }
  }

  // Two's complement, little-endian, any number of bytes; more than 64 bits never describe a tensor.
  std::int64_t long1() {
    const std::size_t length = byte();
    const std::string_view digits = take(length);
    if (length > 8) refuse(text("an integer of ", length, " bytes, at most 8 are read"));
    if (length == 0) return 0;
    std::uint64_t value = (digits.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = length; i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
    return static_cast<std::int64_t>(value);
  }

  void push_real() {  // big-endian
    std::uint64_t bits = 0;
    for (const char c : take(8)) bits = bits << 8 | static_cast<unsigned char>(c);
    push({.kind = PickleKind::real, .real = std::bit_cast<double>(bits), .text = {}, .items = {}});
  }

  void short_tuple(std::size_t count) {
    std::vector<PickleId> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_items(PickleKind::tuple, std::move(items));
  }

  void extend(PickleKind kind, const std::vector<PickleId>& items) {
    if (kind == PickleKind::dict && items.size() % 2 != 0) refuse("a dict is given a key without a value");
    PickleValue& target = need(top(), kind, "what is extended");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void set_item() {
    const PickleId value = pop(), key = pop();
    extend(PickleKind::dict, {key, value});
  }

  void recall(std::uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) refuse(text("the memo has no value ", index));
    stack_.push_back(found->second);
  }

  void frame(std::uint64_t length) {
    if (length > bytes_.size() - at_) refuse(text("a frame of ", length, " bytes, only ", bytes_.size() - at_, " are left"));
  }

  void push_global(std::string_view module, std::string_view name) {
    for (const AllowedName& allowed : kAllowedNames) {
      if (allowed.module != module || allowed.name != name) continue;
      push({.kind = PickleKind::global, .global = allowed.global, .type = allowed.type, .text = {}, .items = {}});
      return;
    }
    refuse(text("it refers to '", printable(module), " ", printable(name),
                "', which is not one of the twelve names a state dict needs; nothing was executed; save model.state_dict() "
                "with torch.save"));
  }

  // ('storage', class, key, location, element count) and, in legacy files, the view, which has been None since 2017.
  void persistent(PickleId id) {
    const std::vector<PickleId> items = need(id, PickleKind::tuple, "a persistent id").items;
    if (items.size() != 5 && items.size() != 6)
      refuse(text("a persistent id of ", items.size(), " items, 5 or 6 are expected"));
    if (need(items[0], PickleKind::text, "the kind of a persistent id").text != "storage")
      refuse("a persistent id that is not a storage");
    const PickleValue& type = need(items[1], PickleKind::global, "the type of a storage");
    if (type.global != PickleGlobal::storage) refuse("the type of a storage is not a storage class");
    const std::string& key = need(items[2], PickleKind::text, "the key of a storage").text;
    need(items[3], PickleKind::text, "the location of a storage");
    const std::int64_t count = need(items[4], PickleKind::integer, "the element count of a storage").integer;
    if (items.size() == 6) need(items[5], PickleKind::none, "the view of a storage");
    const bool plain =
        std::ranges::all_of(key, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_'; });
    if (key.empty() || key.size() > 64 || !plain) refuse(text("the storage key '", printable(key), "' is not a number"));
    if (count < 0) refuse(text("a storage of ", count, " elements"));
    push({.kind = PickleKind::storage, .type = type.type, .integer = count, .text = key, .items = {}});
  }

  void check_axes(PickleId id, std::string_view what) {
    const PickleValue& tuple = need(id, PickleKind::tuple, text("the list of ", what, "s of a tensor"));
    if (tuple.items.size() > Shape::kMaxRank)
      refuse(text("a tensor of ", tuple.items.size(), " axes, at most ", Shape::kMaxRank, " are read"));
    for (const PickleId item : tuple.items) need(item, PickleKind::integer, text("a ", what, " of a tensor"));
  }

  // The only "calls" there are. Arguments are copied before push, which may move all values.
  void reduce(const PickleValue& callable, const PickleValue& arguments) {
    if (arguments.items.size() > 7) refuse(text("a call with ", arguments.items.size(), " arguments, at most 7 are expected"));
    const std::vector<PickleId> a = arguments.items;
    const auto expect = [&](bool fits, std::string_view what) {
      if (!fits) refuse(text(what, " with ", a.size(), " arguments"));
    };
    switch (callable.global) {
      case PickleGlobal::ordered_dict:
        expect(a.empty(), "OrderedDict");
        push({.kind = PickleKind::dict, .ordered = true, .text = {}, .items = {}});
        return;
      case PickleGlobal::size:
        expect(a.size() == 1, "torch.Size");
        need(a[0], PickleKind::tuple, "the argument of torch.Size");
        stack_.push_back(a[0]);
        return;
      case PickleGlobal::rebuild_parameter:
        expect(a.size() == 3, "_rebuild_parameter");
        need(a[0], PickleKind::tensor, "the value of a parameter");
        stack_.push_back(a[0]);
        return;
      case PickleGlobal::rebuild_tensor: {
        expect(a.size() == 6 || a.size() == 7, "_rebuild_tensor_v2");
        need(a[0], PickleKind::storage, "the storage of a tensor");
        const std::int64_t offset = need(a[1], PickleKind::integer, "the offset of a tensor").integer;
        check_axes(a[2], "size");
        check_axes(a[3], "stride");
        push({.kind = PickleKind::tensor, .integer = offset, .text = {}, .items = {a[0], a[2], a[3]}});
        return;
      }
      case PickleGlobal::storage: break;
    }
    refuse("a storage class is called");
  }

  // torch gives a state dict the attribute `_metadata` (versions of the modules); it says nothing about tensors and is dropped.
  void build() {
    need(pop(), PickleKind::dict, "the state of BUILD");
    if (!need(top(), PickleKind::dict, "the object of BUILD").ordered) refuse("BUILD on a dict that is not an OrderedDict");
  }

  std::string_view bytes_, where_;
  std::uint64_t first_byte_;
  std::size_t at_ = 0, opcode_at_ = 0;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleId> memo_;
};

}  // namespace

const PickleValue* Pickle::find(const PickleValue& dict, std::string_view key) const {
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& k = values[dict.items[i]];
    if (k.kind == PickleKind::text && k.text == key) return &values[dict.items[i + 1]];
  }
  return nullptr;
}

Pickle read_pickle(std::string_view bytes, std::string_view where, std::uint64_t first_byte) {
  return Machine(bytes, where, first_byte).run();
}

}  // namespace vitrine
