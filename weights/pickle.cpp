#include "weights/pickle.h"

#include <algorithm>

#include "base/error.h"
#include "weights/pickle_bytes.h"
#include "weights/pickle_opcodes.h"

namespace vitrine {
namespace {

constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxOpcodes = 400'000;
constexpr PickleId kNothing = ~PickleId{0};

class Machine {
 public:
  Machine(std::string_view bytes, std::string_view where, std::uint64_t first_byte) : in_(bytes, where, first_byte) {}

  Pickle run() {
    if (in_.byte() != kProto) refuse("a pickle starts with the opcode PROTO");
    if (const int protocol = in_.byte(); protocol < 2 || protocol > 5)
      refuse(text("pickle protocol ", protocol, ", 2 to 5 are read; save it again with torch.save"));
    for (std::size_t opcodes = 1;; ++opcodes) {
      if (in_.at() > kMaxPickleBytes || opcodes > kMaxOpcodes) refuse_size();
      const unsigned char opcode = in_.opcode();
      if (opcode == kStop) break;
      if (!constant(opcode) && !container(opcode) && !memory(opcode) && !object(opcode)) refuse_opcode(opcode);
    }
    for (const PickleId id : guarded_) {
      if (!at(id).callable_made)
        refuse_running(at(id).global == PickleGlobal::partial ? "functools partial" : "builtins getattr");
    }
    if (stack_.size() != 1 || !marks_.empty())
      refuse(text("STOP with ", stack_.size(), " values and ", marks_.size(), " marks on the stack, one value is expected"));
    pickle_.root = stack_.front();
    pickle_.end = in_.at();
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void refuse(const std::string& flaw) const { in_.refuse(flaw); }

  [[noreturn]] void refuse_size() const {
    refuse(text("it has more than ", kMaxOpcodes, " opcodes or values, or ", kMaxPickleBytes,
                " bytes, which no state dict needs; save model.state_dict() alone with torch.save"));
  }

  [[noreturn]] void refuse_opcode(unsigned char opcode) const {
    std::string_view name;
    for (const auto& [code, known] : kRefusedOpcodes) {
      if (code == opcode) name = known;
    }
    refuse(text("the opcode ", name.empty() ? "" : text(name, " "), "(", static_cast<int>(opcode),
                ") is not on the list of data opcodes; nothing was executed; save model.state_dict() with torch.save"));
  }

  [[noreturn]] void refuse_running(const std::string& what) const {
    refuse(
        text("it refers to '", printable(what),
             "', which is there to run code: nothing was executed; such a file is an attack, get the weights from elsewhere"));
  }

  // The stack. Values below the topmost mark are out of reach until the mark is taken.
  PickleId add(PickleValue value) {
    if (pickle_.values.size() == kMaxOpcodes) refuse_size();
    pickle_.values.push_back(std::move(value));
    return static_cast<PickleId>(pickle_.values.size() - 1);
  }
  void push(PickleValue value) { stack_.push_back(add(std::move(value))); }
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
  bool is_opaque(PickleId id) { return at(id).kind == PickleKind::opaque; }
  bool is_class(PickleId id) { return at(id).kind == PickleKind::opaque_class; }
  void push_integer(PickleKind kind, std::int64_t value) { push({.kind = kind, .integer = value}); }
  void push_text(PickleKind kind, std::string_view value) { push({.kind = kind, .text = value}); }
  void push_items(PickleKind kind, std::vector<PickleId> items) { push({.kind = kind, .items = std::move(items)}); }
  void push_opaque(PickleId of_class) { push({.kind = PickleKind::opaque, .link = of_class}); }

  // The four groups of opcodes; each answers false when the opcode is not one of its own.
  bool constant(unsigned char opcode) {
    switch (opcode) {
      case kNone: push({}); return true;
      case kNewTrue: push_integer(PickleKind::boolean, 1); return true;
      case kNewFalse: push_integer(PickleKind::boolean, 0); return true;
      case kBinInt: push_integer(PickleKind::integer, static_cast<std::int32_t>(in_.u32())); return true;
      case kBinInt1: push_integer(PickleKind::integer, in_.byte()); return true;
      case kBinInt2: push_integer(PickleKind::integer, in_.number<std::uint16_t>()); return true;
      case kLong1: push_long(in_.take(in_.byte())); return true;
      case kLong4: push_long(in_.take(in_.u32())); return true;
      case kBinFloat: push_text(PickleKind::real, in_.take(8)); return true;  // its value is never needed
      case kBinUnicode:
      case kBinString: push_text(PickleKind::text, in_.take(in_.u32())); return true;
      case kBinUnicode8: push_text(PickleKind::text, in_.take(in_.u64())); return true;
      case kShortBinUnicode:
      case kShortBinString: push_text(PickleKind::text, in_.take(in_.byte())); return true;
      case kShortBinBytes: push_text(PickleKind::bytes, in_.take(in_.byte())); return true;
      case kBinBytes: push_text(PickleKind::bytes, in_.take(in_.u32())); return true;
      case kBinBytes8:
      case kByteArray8: push_text(PickleKind::bytes, in_.take(in_.u64())); return true;
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
      case kFrozenSet: push_items(PickleKind::set, pop_to_mark()); return true;
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
      case kBinPut: memorize(in_.byte()); return true;
      case kLongBinPut: memorize(in_.u32()); return true;
      case kMemoize: memorize(memo_used_); return true;
      case kBinGet: recall(in_.byte()); return true;
      case kLongBinGet: recall(in_.u32()); return true;
      case kFrame: frame(in_.u64()); return true;
      default: return false;
    }
  }

  bool object(unsigned char opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string_view module = in_.line();
        push_global(module, in_.line());
        return true;
      }
      case kStackGlobal: {
        const PickleId name = pop(), module = pop();
        push_global(need(module, PickleKind::text, "the module of a name").text, need(name, PickleKind::text, "a name").text);
        return true;
      }
      case kBinPersId: persistent(pop()); return true;
      case kNewObjEx: pop(); [[fallthrough]];  // the named arguments
      case kReduce:
      case kNewObj: {
        const PickleId arguments = pop(), callable = pop();
        call(callable, arguments);
        return true;
      }
      case kBuild: build(); return true;
      default: return false;
    }
  }

  // Two's complement, little-endian; more than 64 bits never describe a tensor and are kept as bytes.
  void push_long(std::string_view digits) {
    if (digits.size() > 8) return push_text(PickleKind::bytes, digits);
    std::uint64_t value = !digits.empty() && (digits.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = digits.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
    push_integer(PickleKind::integer, static_cast<std::int64_t>(value));
  }

  void short_tuple(std::size_t count) {
    std::vector<PickleId> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_items(PickleKind::tuple, std::move(items));
  }

  void extend(PickleKind kind, const std::vector<PickleId>& items) {
    if (kind == PickleKind::dict && items.size() % 2 != 0) refuse("a dict is given a key without a value");
    if (is_opaque(top())) return;
    PickleValue& target = need(top(), kind, "what is extended");
    target.items.insert(target.items.end(), items.begin(), items.end());
  }

  void set_item() {
    const PickleId value = pop(), key = pop();
    extend(PickleKind::dict, {key, value});
  }

  // Python numbers the memo from 0 without holes.
  void memorize(std::uint32_t index) {
    const PickleId id = top();
    if (index >= kMaxOpcodes) refuse(text("the memo index ", index, ", at most ", kMaxOpcodes, " values fit"));
    if (index >= memo_.size()) memo_.resize(index + std::size_t{1}, kNothing);
    memo_used_ += memo_[index] == kNothing ? 1 : 0;
    memo_[index] = id;
  }

  void recall(std::uint32_t index) {
    if (index >= memo_.size() || memo_[index] == kNothing) refuse(text("the memo has no value ", index));
    stack_.push_back(memo_[index]);
  }

  void frame(std::uint64_t length) {
    if (length > in_.left()) refuse(text("a frame of ", length, " bytes, only ", in_.left(), " are left"));
  }

  void push_global(std::string_view module, std::string_view name) {
    if (const auto known = known_pickle_name(module, name)) {
      push({.kind = PickleKind::global,
            .global = known->global,
            .type = known->type,
            .item_bytes = known->item_bytes,
            .readable = known->readable});
      if (known->global == PickleGlobal::get_attribute || known->global == PickleGlobal::partial) guarded_.push_back(top());
      return;
    }
    if (runs_code(module, name)) refuse_running(text(printable(module), " ", printable(name)));
    const PickleId of_module = add({.kind = PickleKind::text, .text = module});
    push({.kind = PickleKind::opaque_class, .link = of_module, .text = name});
  }

  // ('storage', class, key, location, element count) and, in legacy files, the view, which has been None since 2017.
  void persistent(PickleId id) {
    const std::vector<PickleId> items = need(id, PickleKind::tuple, "a persistent id").items;
    // A class of a module with its source, in legacy files of whole models.
    if (items.size() == 4 && at(items[0]).text == "module" && is_class(items[1])) return stack_.push_back(items[1]);
    if (items.size() != 5 && items.size() != 6)
      refuse(text("a persistent id of ", items.size(), " items, 5 or 6 are expected"));
    if (need(items[0], PickleKind::text, "the kind of a persistent id").text != "storage")
      refuse("a persistent id that is not a storage");
    PickleValue storage = at(items[1]);  // its class: the element type, or none that is known
    if (storage.kind != PickleKind::opaque_class) need(items[1], PickleKind::global, "the type of a storage");
    if (storage.kind == PickleKind::global && storage.global != PickleGlobal::storage)
      refuse("the type of a storage is not a storage class");
    if (storage.kind == PickleKind::opaque_class) storage.readable = false;
    storage.link = items[1];
    storage.kind = PickleKind::storage;
    storage.text = need(items[2], PickleKind::text, "the key of a storage").text;
    need(items[3], PickleKind::text, "the location of a storage");
    storage.integer = need(items[4], PickleKind::integer, "the element count of a storage").integer;
    if (items.size() == 6) need(items[5], PickleKind::none, "the view of a storage");
    const bool plain =
        std::ranges::all_of(storage.text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_'; });
    if (storage.text.empty() || storage.text.size() > 64 || !plain)
      refuse(text("the storage key '", printable(storage.text), "' is not a number"));
    if (storage.integer < 0) refuse(text("a storage of ", storage.integer, " elements"));
    push(std::move(storage));
  }

  void check_axes(PickleId id, std::string_view what) {
    const PickleValue& tuple = need(id, PickleKind::tuple, text("the list of ", what, "s of a tensor"));
    if (tuple.items.size() > Shape::kMaxRank)
      refuse(text("a tensor of ", tuple.items.size(), " axes, at most ", Shape::kMaxRank, " are read"));
    for (const PickleId item : tuple.items) need(item, PickleKind::integer, text("a ", what, " of a tensor"));
  }

  // The only "calls" there are.
  void call(PickleId callable, PickleId arguments) {
    if (is_opaque(callable)) {
      if (at(callable).callable_made) refuse_running(text(pickle_.class_name(at(callable)), " through getattr or partial"));
      return push_opaque(at(callable).link);
    }
    if (is_class(callable)) {
      // copyreg._reconstructor and its kin make an object of the class that they are given.
      const std::vector<PickleId>& items = at(arguments).items;
      const std::string_view module = at(at(callable).link).text;
      const bool of_first = (module == "copyreg" || module == "copy_reg") && !items.empty() && is_class(items[0]);
      return push_opaque(of_first ? items[0] : callable);
    }
    need(callable, PickleKind::global, "what is called");
    reduce(callable, need(arguments, PickleKind::tuple, "the argument list").items);
  }

  void expect_count(const std::vector<PickleId>& a, bool fits, std::string_view what) {
    if (!fits) refuse(text(what, " with ", a.size(), " arguments"));
  }

  void reduce(PickleId callable, std::vector<PickleId> a) {
    switch (at(callable).global) {
      case PickleGlobal::ordered_dict: return make_ordered(a);
      case PickleGlobal::default_dict: expect_count(a, a.size() <= 1, "defaultdict"); return push_items(PickleKind::dict, {});
      case PickleGlobal::size:
        expect_count(a, a.size() == 1, "torch.Size");
        need(a[0], PickleKind::tuple, "the argument of torch.Size");
        return stack_.push_back(a[0]);
      case PickleGlobal::rebuild_parameter:
        expect_count(a, a.size() == 3 || a.size() == 4, "_rebuild_parameter");
        if (!is_opaque(a[0])) need(a[0], PickleKind::tensor, "the value of a parameter");
        return stack_.push_back(a[0]);
      case PickleGlobal::rebuild_tensor: return make_tensor(a);
      case PickleGlobal::rebuild_from_type: {
        expect_count(a, a.size() == 4, "_rebuild_from_type_v2");
        if (is_class(a[0])) return push_opaque(a[0]);
        const PickleGlobal inner = need(a[0], PickleKind::global, "the function of _rebuild_from_type_v2").global;
        if (inner != PickleGlobal::rebuild_tensor && inner != PickleGlobal::rebuild_parameter)
          refuse("_rebuild_from_type_v2 with a function that makes no tensor");
        return reduce(a[0], need(a[2], PickleKind::tuple, "the argument list of _rebuild_from_type_v2").items);
      }
      case PickleGlobal::get_attribute:
      case PickleGlobal::partial: return make_callable(callable, a);
      case PickleGlobal::storage: refuse("a storage class is called");
    }
  }

  // Empty, or, by Python 2, of a list of pairs.
  void make_ordered(const std::vector<PickleId>& a) {
    expect_count(a, a.size() <= 1, "OrderedDict");
    std::vector<PickleId> items;
    if (!a.empty()) {
      for (const PickleId pair : need(a[0], PickleKind::list, "the argument of OrderedDict").items) {
        const PickleValue& p = at(pair);
        if ((p.kind != PickleKind::list && p.kind != PickleKind::tuple) || p.items.size() != 2)
          refuse("an item of OrderedDict is no pair");
        items.insert(items.end(), p.items.begin(), p.items.end());
      }
    }
    push({.kind = PickleKind::dict, .ordered = true, .items = std::move(items)});
  }

  void make_tensor(const std::vector<PickleId>& a) {
    expect_count(a, a.size() == 4 || a.size() == 6 || a.size() == 7, "_rebuild_tensor_v2");
    if (is_opaque(a[0])) return stack_.push_back(a[0]);
    need(a[0], PickleKind::storage, "the storage of a tensor");
    const std::int64_t offset = need(a[1], PickleKind::integer, "the offset of a tensor").integer;
    check_axes(a[2], "size");
    check_axes(a[3], "stride");
    push({.kind = PickleKind::tensor, .integer = offset, .items = {a[0], a[2], a[3]}});
  }

  // Python pickles a member of an Enum, or a method, as getattr(CLASS, NAME), and a functools.partial as partial(FUNCTION). Nothing else
  // may be done with the two, and what they would give may not be called.
  void make_callable(PickleId callable, const std::vector<PickleId>& a) {
    const bool by_name = at(callable).global == PickleGlobal::get_attribute;
    const std::string what = by_name ? "builtins getattr" : "functools partial";
    if (a.empty() || (!is_class(a[0]) && !is_opaque(a[0])) || (by_name && a.size() != 2)) refuse_running(what);
    if (by_name && (at(a[1]).kind != PickleKind::text || runs_code("", at(a[1]).text))) refuse_running(what);
    at(callable).callable_made = true;
    const PickleId of_class = is_class(a[0]) ? a[0] : at(a[0]).link;
    push({.kind = PickleKind::opaque, .callable_made = true, .link = of_class});
  }

  // torch gives a state dict the attribute `_metadata` (versions of the modules); it says nothing about tensors and is dropped.
  void build() {
    const PickleId state = pop();
    if (is_opaque(top())) return;
    need(state, PickleKind::dict, "the state of BUILD");
    if (!need(top(), PickleKind::dict, "the object of BUILD").ordered) refuse("BUILD on a dict that is not an OrderedDict");
  }

  PickleBytes in_;
  Pickle pickle_;
  std::vector<PickleId> stack_, memo_, guarded_;
  std::vector<std::size_t> marks_;
  std::uint32_t memo_used_ = 0;
};

}  // namespace

Pickle read_pickle(std::string_view bytes, std::string_view where, std::uint64_t first_byte) {
  return Machine(bytes, where, first_byte).run();
}

}  // namespace vitrine
