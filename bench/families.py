"""Which family of processors this is, from /proc/cpuinfo: many virtual machines hide the name, none the numbers."""
from pathlib import Path

# Models of Intel's family 6 and of AMD's families, as Linux names them (arch/x86/include/asm/intel-family.h, arch/x86/kernel/cpu/amd.c).
INTEL = {
    "Haswell": (0x3C, 0x3F, 0x45, 0x46), "Broadwell": (0x3D, 0x47, 0x4F, 0x56), "Skylake": (0x4E, 0x5E), "Kaby Lake": (0x8E, 0x9E),
    "Comet Lake": (0xA5, 0xA6), "Cannon Lake": (0x66,), "Ice Lake": (0x7D, 0x7E), "Ice Lake server": (0x6A, 0x6C), "Rocket Lake": (0xA7,),
    "Tiger Lake": (0x8C, 0x8D), "Alder Lake": (0x97, 0x9A), "Gracemont": (0xBE,), "Raptor Lake": (0xB7, 0xBA, 0xBF),
    "Meteor Lake": (0xAA, 0xAC), "Arrow Lake": (0xB5, 0xC5, 0xC6), "Lunar Lake": (0xBD,), "Panther Lake": (0xCC,),
    "Sapphire Rapids": (0x8F,), "Emerald Rapids": (0xCF,), "Granite Rapids": (0xAD, 0xAE), "Sierra Forest": (0xAF,), "Clearwater Forest": (0xDD,),
}
ZEN6 = (range(0x50, 0x60), range(0x80, 0xB0), range(0xC0, 0xD0))


def intel(model, stepping):
    if model == 0x55:  # one number for three generations of servers
        return "Cooper Lake" if stepping >= 10 else "Cascade Lake" if stepping >= 5 else "Skylake server"
    return next((name for name, models in INTEL.items() if model in models), None)


def amd(family, model, flags):
    if family == 26:
        return "Zen 6" if any(model in models for models in ZEN6) else "Zen 5"
    if family == 25:
        return "Zen 4" if "avx512f" in flags else "Zen 3"
    return {23: "Zen 2" if model >= 0x30 else "Zen 1"}.get(family)


def family_of(cpuinfo):
    """The name of the processor's family, e.g. "AMD Zen 3 (family 25)"; the numbers alone where they have no name here."""
    facts = {}
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    if "CPU implementer" in facts:
        return f"ARM implementer {facts['CPU implementer']}, part {facts.get('CPU part', 'unknown')}"
    if not facts.get("cpu family", "").isdigit():
        return "unknown processor"
    family, model, stepping = (int(facts[key]) if facts.get(key, "").isdigit() else 0 for key in ("cpu family", "model", "stepping"))
    vendor = {"AuthenticAMD": "AMD", "GenuineIntel": "Intel", "HygonGenuine": "Hygon"}.get(facts.get("vendor_id"), facts.get("vendor_id", "unknown"))
    if vendor == "AMD" and (name := amd(family, model, facts.get("flags", "").split())):
        return f"AMD {name} (family {family})"
    if vendor == "Intel" and family == 6 and (name := intel(model, stepping)):
        return f"Intel {name} (model {model})"
    return f"{vendor} family {family}, model {model}"


def widest(cpuinfo):
    """The widest of Vitrine's instruction sets that the processor has, as `vitrine bench` calls it."""
    flags = next((line.split(":", 1)[1].split() for line in cpuinfo.splitlines() if line.startswith("flags")), [])
    if all(f"avx512{part}" in flags for part in ("f", "bw", "dq", "vl")):
        return "avx512"
    return "avx2" if "avx2" in flags and "fma" in flags else "scalar"


def heading(cpuinfo, used):
    """What a table stands under: the family and the instruction set that Vitrine used."""
    title = {"avx512": "AVX-512", "avx2": "AVX2"}.get(used, "general set")
    if used != widest(cpuinfo) and widest(cpuinfo) == "avx512":
        title += " of an AVX-512 machine"
    return f"{family_of(cpuinfo)}, {title}"


def this_machine():
    return Path("/proc/cpuinfo").read_text()
