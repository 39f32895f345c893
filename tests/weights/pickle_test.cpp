// What a pickle may mention: names that the machine knows, objects that it passes over, and names that are there to run code.
#include "weights/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/weights/torch_bytes.h"
#include "weights/checkpoint_file.h"

namespace vitrine {
namespace {

using namespace vitrine::testing;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const std::string& bytes) {
  try {
    parse_checkpoint(bytes, "x.pth");
  } catch (const WeightsError& error) {
    return error.what();
  }
  return "nothing was refused";
}

// A training checkpoint: the tensor `w` under "net", and some other value beside it.
std::string beside(const std::string& value) {
  return "}" + unicode("extra") + value + "s" + unicode("net") + dict_text({}) + "s";
}

void expect_passed_over(const std::string& value) {
  const TensorFile file = parse_checkpoint(zip_file(beside(value)), "x.pth");
  EXPECT_EQ(file.at("w").to_double(), (std::vector<double>{0, 1, 2, 3, 4, 5})) << value;
}

std::string stack_global(const std::string& module, const std::string& name) {
  return unicode(module) + unicode(name) + "\x93";
}

TEST(Pickle, ObjectsOfOtherClassesArePassedOver) {
  const std::string object = global("argparse", "Namespace"), state = "}" + unicode("lr") + "K\x01s";
  for (const std::string& value :
       {object + ")R", object + ")\x81", object + ")}\x92", object + ")R" + state + "b", object + ")\x81N}\x86" + "b",
        "(" + object + ")Rq\x07" + state + "bh\x07" + state + "bt",  // by way of the memo
        object + ")R(NNe", object + ")RNa", object + ")R(NNu", object + ")RNNs", object + ")R(N\x90",
        global("numpy.core.multiarray", "scalar") +
            tuple({global("numpy", "dtype") + tuple({unicode("f8"), "\x89", "\x88"}) + "R" +
                       tuple({integer(3), unicode("<"), "N"}) + "b",
                   std::string("C\x08") + std::string(8, '\0')}) +
            "R",
        global("copyreg", "_reconstructor") + tuple({global("mine", "Thing"), global("builtins", "object"), "N"}) + "R",
        stack_global("pathlib", "PosixPath") + "(" + unicode("runs") + "tR", object, global("__main__", "Outer.Inner") + ")R",
        global("enum_owner", "Colour") + tuple({integer(1)}) + "R", global("collections", "deque") + "(]K\x03tR(NNe",
        object + ")R)R"}) {  // what an object would give when it is called: another object
    expect_passed_over(value);
  }
}

TEST(Pickle, InertOpcodesOfAllProtocolsAreRead) {
  for (const std::string& value :
       {"B" + little_endian(3, 4) + "abc", std::string("C\3abc"), "\x8e" + little_endian(3, 8) + "abc",
        "\x96" + little_endian(3, 8) + "abc", "\x8d" + little_endian(3, 8) + "abc", "T" + little_endian(3, 4) + "abc",
        "\x8a\x20" + std::string(32, '\x7f'), "\x8b" + little_endian(300, 4) + std::string(300, '\x81'), std::string("(NN\x91"),
        std::string("\x8f(N\x90"), "X" + little_endian(2u << 20, 4) + std::string(2u << 20, 'a')}) {
    expect_passed_over(value);
  }
  for (const char protocol : {'\2', '\3', '\4', '\5'})
    EXPECT_EQ(
        parse_checkpoint(zip_bytes(zip_entries(std::string("\x80") + protocol + dict_text({}) + ".")), "x").tensors.size(), 1u);
}

TEST(Pickle, DictsAndTensorsOfOtherSpellingsAreRead) {
  const auto values = [](const std::string& body) { return parse_checkpoint(zip_file(body), "x").at("w").to_double().size(); };
  const std::string rest = unicode("w") + tensor_text({}) + "s", hooks = global("collections", "OrderedDict") + ")R";
  EXPECT_EQ(values(global("collections", "defaultdict") + ")R" + rest), 6u);
  EXPECT_EQ(values(global("collections", "defaultdict") + "(" + global("builtins", "list") + "tR" + rest), 6u);
  // Python 2 gives the items of an OrderedDict as a list of pairs.
  EXPECT_EQ(values(global("collections", "OrderedDict") + "(](](" + unicode("w") + tensor_text({}) + "eetR"), 6u);
  EXPECT_EQ(values("}" + unicode("w") + global("torch._utils", "_rebuild_tensor") +
                   tuple({storage_text({}), integer(0), integers({2, 3}), integers({3, 1})}) + "Rs"),
            6u);
  EXPECT_EQ(values("}" + unicode("w") + global("torch._utils", "_rebuild_parameter_with_state") +
                   tuple({tensor_text({}), "\x88", hooks, "}"}) + "Rs"),
            6u);
  const std::string arguments = tuple({storage_text({}), integer(0), integers({2, 3}), integers({3, 1}), "\x89", hooks});
  EXPECT_EQ(values("}" + unicode("w") + global("torch._tensor", "_rebuild_from_type_v2") +
                   tuple({global("torch._utils", "_rebuild_tensor_v2"), global("mine", "Sub"), arguments, "}"}) + "Rs"),
            6u);
  // A function that only unfolds itself must not recurse.
  const std::string unfold = global("torch._tensor", "_rebuild_from_type_v2");
  EXPECT_THAT(refusal(zip_file(unfold + tuple({unfold, "N", tuple({unfold, "N", ")", "N"}), "N"}) + "R")),
              HasSubstr("a function that makes no tensor"));
}

// In legacy files of whole models a class comes with its source.
TEST(Pickle, AClassWithItsSourceIsAClass) {
  const std::string module =
      tuple({unicode("module"), global("mine", "Net"), unicode("mine.py"), unicode("class Net: pass")}) + "Q";
  EXPECT_THAT(refusal(legacy_head() + program(module + ")R}b") + program("]")),
              HasSubstr("an object of the class 'mine.Net', not a dict of tensors; nothing was"));
}

TEST(Pickle, ATensorMadeByAnythingElseIsNamed) {
  const auto saved = [](const std::string& value) {
    return zip_file("}" + unicode("w.weight") + value + "s" + dict_text({}).substr(1));
  };
  const std::string made_by = "the tensor 'w.weight' cannot be read: it is made by '";
  EXPECT_THAT(refusal(saved(global("torch._utils", "_rebuild_qtensor") + ")R")),
              HasSubstr(made_by + "torch._utils._rebuild_qtensor'"));
  EXPECT_THAT(refusal(saved(global("numpy.core.multiarray", "_reconstruct") + ")RNb")), HasSubstr(made_by + "numpy.core"));
  EXPECT_THAT(
      refusal(saved(global("torch._utils", "_rebuild_parameter") + tuple({global("mine", "make") + ")R", "\x88", "}"}) + "R")),
      HasSubstr(made_by + "mine.make'"));
  EXPECT_THAT(refusal(saved(tensor_text({.key = "7", .storage = "ComplexFloatStorage"}))), HasSubstr("data/7 is missing"));
  EXPECT_THAT(refusal(saved(tensor_text({.key = "7", .storage = "NewStorage"}))),
              HasSubstr("'w.weight' cannot be read: its numbers are complex, quantised or of an unknown type"));
  // Beside the network it does not matter; a legacy stream cannot be read past a storage of unknown size.
  EXPECT_EQ(
      parse_checkpoint(zip_file(beside("(" + tensor_text({.key = "7", .storage = "NewStorage"}) + "t")), "x").tensors.size(),
      1u);
  EXPECT_THAT(refusal(legacy_file(beside("(" + tensor_text({.key = "7", .storage = "NewStorage", .legacy = true}) + "t"),
                                  "](" + unicode("7") + unicode("0") + "e")),
              HasSubstr("element size is not known"));
}

const std::vector<std::pair<std::string, std::string>> kRunningCode{
    {"os", "system"},
    {"posix", "system"},
    {"nt", "system"},
    {"subprocess", "Popen"},
    {"_posixsubprocess", "fork_exec"},
    {"pty", "spawn"},
    {"commands", "getoutput"},
    {"multiprocessing.util", "spawnv_passfds"},
    {"sys", "setprofile"},
    {"builtins", "eval"},
    {"builtins", "exec"},
    {"builtins", "compile"},
    {"builtins", "open"},
    {"builtins", "__import__"},
    {"builtins", "getattr"},
    {"builtins", "setattr"},
    {"builtins", "globals"},
    {"builtins", "breakpoint"},
    {"__builtin__", "execfile"},
    {"__builtin__", "apply"},
    {"__builtins__", "eval"},
    {"importlib", "import_module"},
    {"imp", "load_source"},
    {"_imp", "load_dynamic"},
    {"runpy", "run_path"},
    {"pkgutil", "resolve_name"},
    {"zipimport", "zipimporter"},
    {"code", "InteractiveInterpreter.runcode"},
    {"codeop", "compile_command"},
    {"types", "FunctionType"},
    {"types", "CodeType"},
    {"inspect", "getattr_static"},
    {"gc", "get_objects"},
    {"timeit", "timeit"},
    {"trace", "Trace.run"},
    {"pdb", "run"},
    {"bdb", "Bdb.run"},
    {"cProfile", "run"},
    {"profile", "run"},
    {"pydoc", "locate"},
    {"doctest", "debug_script"},
    {"idlelib.run", "Executive.runcode"},
    {"lib2to3.pgen2.grammar", "Grammar.loads"},
    {"distutils.file_util", "write_file"},
    {"pip", "main"},
    {"ensurepip", "_run_pip"},
    {"venv", "create"},
    {"ctypes", "CDLL"},
    {"_ctypes", "dlopen"},
    {"mmap", "mmap"},
    {"pickle", "loads"},
    {"_pickle", "Unpickler"},
    {"cPickle", "loads"},
    {"dill", "loads"},
    {"cloudpickle.cloudpickle", "_make_function"},
    {"joblib", "load"},
    {"marshal", "loads"},
    {"shelve", "open"},
    {"yaml", "unsafe_load"},
    {"shutil", "rmtree"},
    {"tempfile", "mkstemp"},
    {"tarfile", "open"},
    {"zipfile", "ZipFile"},
    {"sqlite3", "connect"},
    {"socket", "create_connection"},
    {"ssl", "get_server_certificate"},
    {"socketserver", "TCPServer"},
    {"asyncio", "run"},
    {"http.client", "HTTPSConnection"},
    {"httplib", "HTTPSConnection"},
    {"urllib.request", "urlopen"},
    {"requests.api", "get"},
    {"aiohttp", "request"},
    {"ftplib", "FTP"},
    {"smtplib", "SMTP"},
    {"xmlrpc.client", "ServerProxy"},
    {"webbrowser", "open"},
    {"operator", "attrgetter"},
    {"operator", "methodcaller"},
    {"_operator", "itemgetter"},
    {"functools", "partial"},
    {"functools", "reduce"},

    {"io", "open"},
    {"_io", "FileIO"},
    {"codecs", "open"},
    {"_codecs", "lookup"},
    {"platform", "popen"},
    {"uuid", "_get_command_stdout"},
    {"_osx_support", "_read_output"},
    {"_aix_support", "_read_cmd_output"},
    {"signal", "raise_signal"},
    {"threading", "Thread"},
    {"atexit", "register"},
    {"logging.config", "dictConfig"},
    {"pathlib", "PosixPath.unlink"},
    {"copyreg", "add_extension"},
    {"torch", "load"},
    {"torch.hub", "load"},
    {"torch", "hub.load"},
    {"torch.jit", "load"},
    {"torch.serialization", "load"},
    {"torch.storage", "_load_from_bytes"},
    {"torch.package", "PackageImporter"},
    {"torch.fx.graph_module", "reduce_graph_module"},
    {"torch._dynamo.guards", "GuardBuilder.get"},
    {"torch._inductor.codecache", "compile_file"},
    {"torch.utils.collect_env", "run"},
    {"torch.utils._config_module", "ConfigModule.load_config"},
    {"torch.utils.data.datapipes.utils.decoder", "basichandlers"},
    {"torch.multiprocessing.reductions", "rebuild_storage_fd"},
    {"numpy", "load"},
    {"numpy", "fromfile"},
    {"numpy.f2py.crackfortran", "getlincoef"},
    {"numpy.testing._private.utils", "runstring"},
    {"numpy.lib.npyio", "load"},
    {"pandas", "read_pickle"},
    {"pandas.io.pickle", "read_pickle"},
    {"tensorflow.io", "write_file"},
    {"keras.models", "load_model"},
    {"IPython", "embed"},
    // An innocent module leads to another one.
    {"torch.nn.modules.module", "sys.modules"},
    {"timm.models", "os.system"},
    {"numpy.core", "builtins.eval"},
    {"mine", "Thing.__globals__"},
    {"mine", "Thing.__subclasses__"},
    {"mine", "system"},
    {"mine", "eval"}};

TEST(PickleHostile, NamesThatRunCodeAreRefusedAndNothingIsExecuted) {
  for (const auto& [module, name] : kRunningCode) {
    const std::string call = global(module, name) + "(" + unicode("echo") + "tR", mention = stack_global(module, name);
    // Called, only mentioned, as the class of an object, in a legacy stream; beside a network or alone.
    for (const std::string& bytes : {zip_file(call), zip_file(beside(call)), zip_file(beside(mention)), legacy_file(call),
                                     zip_file(beside("(" + mention + "t")), zip_file(beside(mention + ")\x81}b"))}) {
      const std::string message = refusal(bytes);
      EXPECT_THAT(message, HasSubstr("'" + module + " " + name + "'"));
      EXPECT_THAT(message, HasSubstr("nothing was executed; such a file is an attack"));
      EXPECT_LE(message.size(), 280u);
    }
  }
}

// Python pickles a member of an Enum as getattr(CLASS, NAME) and a partial as partial(FUNCTION), then its state: nothing beyond that.
TEST(PickleHostile, GetattrAndPartialOnlyDescribe) {
  const std::string get = global("builtins", "getattr"), part = global("functools", "partial"), mine = global("mine", "Thing");
  const std::string member = get + tuple({mine, unicode("RED")}) + "R", partial = part + "(" + mine + "tR";
  expect_passed_over(member);
  expect_passed_over(partial + tuple({mine, ")", "}", "N"}) + "b");
  expect_passed_over(get + tuple({mine + ")R", unicode("step")}) + "R");
  for (const std::string& value :
       {member + "(" + unicode("rm") + "tR", member + ")\x81", partial + ")R",
        get + tuple({mine, unicode("__globals__")}) + "R", get + tuple({mine, unicode("os.system")}) + "R",
        get + tuple({mine, unicode("system")}) + "R", get + tuple({mine, "N"}) + "R",
        get + tuple({mine, unicode("a"), unicode("b")}) + "R", get + tuple({unicode("a"), unicode("b")}) + "R", get + ")R",
        part + ")R", part + tuple({unicode("a")}) + "R", part + "(" + get + "tR", get, part, "(" + get + "t"}) {
    EXPECT_THAT(refusal(zip_file(beside(value))), HasSubstr("nothing was executed")) << value;
  }
}

TEST(PickleHostile, LimitsCountOpcodesAndValues) {
  const auto many = [](const std::string& piece, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += piece;
    return out;
  };
  EXPECT_THAT(refusal(zip_file(many("N", 400'001))), HasSubstr("more than 400000 opcodes or values"));
  EXPECT_THAT(refusal(zip_file(many("ca\nb\n", 200'001))), HasSubstr("more than 400000 opcodes or values"));
  EXPECT_THAT(refusal(zip_file(many("N", 399'000))), Not(HasSubstr("400000")));
  EXPECT_LE(sizeof(PickleValue), 64u);
}

TEST(Pickle, OpaqueValuesNameTheirClass) {
  const std::string bytes = program(global("argparse", "Namespace") + ")R");
  const Pickle pickle = read_pickle(bytes, "x");
  EXPECT_EQ(pickle[pickle.root].kind, PickleKind::opaque);
  EXPECT_EQ(pickle.class_name(pickle[pickle.root]), "argparse.Namespace");
  const std::string copied = program(global("copyreg", "_reconstructor") + tuple({global("mine", "Thing"), "N", "N"}) + "R");
  const Pickle other = read_pickle(copied, "x");
  EXPECT_EQ(other.class_name(other[other.root]), "mine.Thing");
}

}  // namespace
}  // namespace vitrine
