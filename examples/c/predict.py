"""The five likeliest classes of a photograph, through libvitrine.so: predict.py LIBRARY CHECKPOINT PHOTOGRAPH"""
import ctypes, os, sys

vitrine = ctypes.CDLL(sys.argv[1])
vitrine.vitrine_classes.restype = ctypes.c_int64
vitrine.vitrine_class_name.restype = vitrine.vitrine_last_error.restype = ctypes.c_char_p

def check(status):
    if status != 0:
        print(vitrine.vitrine_last_error().decode(), file=sys.stderr)
        sys.exit(status)

network = ctypes.c_void_p()
check(vitrine.vitrine_open(os.fsencode(sys.argv[2]), ctypes.byref(network)))
p = (ctypes.c_double * vitrine.vitrine_classes(network))()
check(vitrine.vitrine_predict_file(network, os.fsencode(sys.argv[3]), p, ctypes.c_size_t(len(p))))
for rank, c in enumerate(sorted(range(len(p)), key=lambda c: -p[c])[:5], 1):
    print(f"  {rank}  {p[c]:.4f}  class {c}  {vitrine.vitrine_class_name(network, ctypes.c_int64(c)).decode()}")
check(vitrine.vitrine_close(network))
