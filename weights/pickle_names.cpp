#include "weights/pickle_names.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

namespace vitrine {
namespace {

struct KnownRow {
  std::string_view module, name;
  KnownName known;
};

constexpr KnownName storage(DType type, std::uint8_t item_bytes) { return {PickleGlobal::storage, type, true, item_bytes}; }
constexpr KnownName unreadable(std::uint8_t item_bytes) { return {PickleGlobal::storage, DType::u8, false, item_bytes}; }

constexpr std::array<KnownRow, 33> kKnown{{{"collections", "OrderedDict", {PickleGlobal::ordered_dict}},
                                           {"collections", "defaultdict", {PickleGlobal::default_dict}},
                                           {"collections", "Counter", {PickleGlobal::default_dict}},
                                           {"torch._utils", "_rebuild_tensor", {PickleGlobal::rebuild_tensor}},
                                           {"torch._utils", "_rebuild_tensor_v2", {PickleGlobal::rebuild_tensor}},
                                           {"torch._utils", "_rebuild_parameter", {PickleGlobal::rebuild_parameter}},
                                           {"torch._utils", "_rebuild_parameter_with_state", {PickleGlobal::rebuild_parameter}},
                                           {"torch._tensor", "_rebuild_from_type_v2", {PickleGlobal::rebuild_from_type}},
                                           {"torch.tensor", "_rebuild_from_type_v2", {PickleGlobal::rebuild_from_type}},
                                           {"torch", "Size", {PickleGlobal::size}},
                                           {"torch", "DoubleStorage", storage(DType::f64, 8)},
                                           {"torch", "FloatStorage", storage(DType::f32, 4)},
                                           {"torch", "HalfStorage", storage(DType::f16, 2)},
                                           {"torch", "BFloat16Storage", storage(DType::bf16, 2)},
                                           {"torch", "LongStorage", storage(DType::i64, 8)},
                                           {"torch", "IntStorage", storage(DType::i32, 4)},
                                           {"torch", "ShortStorage", storage(DType::i16, 2)},
                                           {"torch", "CharStorage", storage(DType::i8, 1)},
                                           {"torch", "ByteStorage", storage(DType::u8, 1)},
                                           {"torch", "BoolStorage", storage(DType::boolean, 1)},
                                           {"torch", "ComplexFloatStorage", unreadable(8)},
                                           {"torch", "ComplexDoubleStorage", unreadable(16)},
                                           {"torch", "QInt8Storage", unreadable(1)},
                                           {"torch", "QUInt8Storage", unreadable(1)},
                                           {"torch", "QInt32Storage", unreadable(4)},
                                           {"torch", "QUInt4x2Storage", unreadable(1)},
                                           {"torch", "QUInt2x4Storage", unreadable(1)},
                                           {"torch", "UntypedStorage", unreadable(1)},
                                           {"torch.storage", "UntypedStorage", unreadable(1)},
                                           {"builtins", "getattr", {PickleGlobal::get_attribute}},
                                           {"__builtin__", "getattr", {PickleGlobal::get_attribute}},
                                           {"functools", "partial", {PickleGlobal::partial}},
                                           {"_functools", "partial", {PickleGlobal::partial}}}};

// Modules of which every name is refused, the modules below them included.
constexpr std::string_view kModules =
    // programs, processes, interpreters
    "os posix nt _winapi subprocess _posixsubprocess pty popen2 commands multiprocessing _multiprocessing billiard sys "
    "_xxsubinterpreters "
    "_interpreters concurrent threading _thread signal _signal atexit sched faulthandler platform pexpect sh plumbum invoke "
    "fabric "
    // code: compiling, importing, inspecting, tracing, testing
    "code codeop runpy marshal inspect importlib _frozen_importlib _frozen_importlib_external _imp imp pkgutil zipimport gc "
    "site "
    "compileall py_compile timeit trace tracemalloc pdb bdb cProfile profile _lsprof pydoc doctest unittest test idlelib "
    "lib2to3 ast "
    "symtable distutils setuptools pkg_resources pip ensurepip venv virtualenv IPython ipykernel nbconvert turtledemo tkinter "
    "_tkinter "
    "_osx_support _aix_support jinja2 mako numexpr "
    // foreign functions and memory
    "ctypes _ctypes cffi _cffi_backend mmap "
    // pickles within pickles
    "pickle _pickle cPickle pickletools dill cloudpickle joblib jsonpickle shelve dbm yaml "
    // files and archives
    "shutil tempfile tarfile zipfile fileinput linecache glob fsspec filecmp sqlite3 _sqlite3 "
    // the network
    "socket _socket ssl _ssl socketserver select selectors asyncio http httplib urllib urllib2 urllib3 requests aiohttp httpx "
    "ftplib "
    "smtplib poplib imaplib nntplib telnetlib xmlrpc wsgiref webbrowser boto3 botocore paramiko "
    // of libraries that checkpoints come from
    "torch.hub torch.jit torch.package torch.fx torch.multiprocessing torch.testing torch._dynamo.guards "
    "torch._inductor torch.onnx torch.ops torch.classes torch.utils.cpp_extension torch.utils.bottleneck "
    "torch.utils.collect_env "
    "torch.utils.model_zoo torch.utils._config_module torch.utils.data.datapipes torch.distributed.rpc torch.distributed.run "
    "logging.config logging.handlers numpy.f2py numpy.distutils numpy.testing numpy.ctypeslib numpy.lib.npyio "
    "numpy.lib._npyio_impl numpy.lib.utils pandas.io "
    "tensorflow keras scipy.io torchvision.datasets.utils";

struct SomeNames {
  std::string_view module, names;
};

// Modules of which some names are refused: these...
constexpr std::array<SomeNames, 11> kRefused{
    {{"torch", "load save hub jit package ops classes"},
     {"torch.storage", "_load_from_bytes"},
     {"numpy", "load save savez savez_compressed loadtxt savetxt fromfile genfromtxt DataSource"},
     {"pandas", "eval read_pickle to_pickle read_csv read_json read_html read_hdf read_sql"},
     {"functools", "reduce"},
     {"operator", "attrgetter itemgetter methodcaller call"},
     {"_operator", "attrgetter itemgetter methodcaller call"},
     {"types", "CodeType FunctionType LambdaType MethodType ModuleType CoroutineType GeneratorType new_class"},
     {"io", "open open_code FileIO BufferedReader BufferedWriter TextIOWrapper"},
     {"_io", "open open_code FileIO BufferedReader BufferedWriter TextIOWrapper"},
     {"logging", "config handlers FileHandler basicConfig"}}};

// ...or all but these.
constexpr std::string_view kInertBuiltins =
    "object type bool int long float complex str unicode bytes bytearray list tuple set frozenset dict range xrange slice "
    "property "
    "staticmethod classmethod super len abs sum min max round pow divmod sorted reversed enumerate zip map filter any all hash "
    "id repr "
    "ascii bin hex oct ord chr iter next isinstance issubclass callable format print Ellipsis NotImplemented "
    "NotImplementedType ellipsis "
    "BaseException Exception ArithmeticError AssertionError AttributeError BufferError EOFError FileNotFoundError "
    "FloatingPointError "
    "GeneratorExit IOError ImportError IndexError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError "
    "NameError "
    "NotImplementedError OSError OverflowError PermissionError ReferenceError RuntimeError StopIteration SyntaxError "
    "SystemError "
    "SystemExit TimeoutError TypeError UnicodeDecodeError UnicodeError ValueError Warning UserWarning DeprecationWarning "
    "FutureWarning RuntimeWarning ZeroDivisionError";

constexpr std::array<SomeNames, 11> kInertAlone{
    {{"builtins", kInertBuiltins},
     {"__builtin__", kInertBuiltins},
     {"__builtins__", ""},
     {"uuid", "UUID SafeUUID"},
     {"pathlib", "Path PurePath PosixPath WindowsPath PurePosixPath PureWindowsPath"},
     {"pathlib._local", "Path PurePath PosixPath WindowsPath PurePosixPath PureWindowsPath"},
     {"torch.serialization", "_get_layout StorageType"},
     {"_codecs", "encode"},
     {"codecs", "encode"},
     {"copyreg", "_reconstructor __newobj__ __newobj_ex__ pickle_complex"},
     {"copy_reg", "_reconstructor __newobj__ __newobj_ex__ pickle_complex"}}};

// Parts of a dotted name through which an innocent module leads to another one ("torch.serialization" to its "os.system").
constexpr std::string_view kLeadsAway =
    "os posix nt sys subprocess builtins importlib ctypes runpy pty socket shutil pickle marshal system popen eval exec "
    "getattr "
    "execfile open __builtins__ __import__ __globals__ __subclasses__ __loader__ __spec__ __code__ __dict__ __class__ __mro__ "
    "__bases__ __base__ __reduce__ __reduce_ex__ __getattribute__ __getattr__ __init_subclass__ __call__";

// The words of a list that is written with spaces in between.
using Words = std::unordered_set<std::string_view>;

Words words_of(std::string_view list) {
  Words words;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(' ', at), list.size());
    if (end > at) words.insert(list.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

template <std::size_t Rows>
std::unordered_map<std::string_view, Words> words_by_module(const std::array<SomeNames, Rows>& rows) {
  std::unordered_map<std::string_view, Words> table;
  for (const SomeNames& row : rows) table.emplace(row.module, words_of(row.names));
  return table;
}

template <class Visit>
bool any_part(std::string_view dotted, const Visit& visit) {
  for (std::size_t at = 0; at <= dotted.size();) {
    const std::size_t dot = std::min(dotted.find('.', at), dotted.size());
    if (visit(dotted.substr(at, dot - at))) return true;
    at = dot + 1;
  }
  return false;
}

// `module`, or one of the modules that it lies in, is one of the words.
bool lies_in(std::string_view module, const Words& words) {
  for (std::size_t end = module.find('.'); end != std::string_view::npos; end = module.find('.', end + 1)) {
    if (words.contains(module.substr(0, end))) return true;
  }
  return words.contains(module);
}

}  // namespace

std::optional<KnownName> known_pickle_name(std::string_view module, std::string_view name) {
  for (const KnownRow& row : kKnown) {
    if (row.name == name && row.module == module) return row.known;
  }
  return std::nullopt;
}

bool runs_code(std::string_view module, std::string_view name) {
  static const Words modules = words_of(kModules), leads_away = words_of(kLeadsAway);
  static const auto refused = words_by_module(kRefused), inert_alone = words_by_module(kInertAlone);
  if (lies_in(module, modules)) return true;
  const auto some = refused.find(module);
  if (some != refused.end() && some->second.contains(name.substr(0, name.find('.')))) return true;
  const auto alone = inert_alone.find(module);
  if (alone != inert_alone.end() && !alone->second.contains(name)) return true;
  return any_part(name, [](std::string_view part) { return leads_away.contains(part); });
}

}  // namespace vitrine
