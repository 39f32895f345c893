// Runs a check for several numbers of threads and for every instruction set of this machine, and puts both back.
#pragma once

#include <initializer_list>
#include <string>

#include "tensor/isa.h"
#include "tensor/parallel.h"

namespace vitrine::testing {

// check(where): `where` names the setting for messages.
template <class Check>
void everywhere(std::initializer_list<int> thread_counts, Check check) {
  const int threads = thread_count();
  const Isa isa = active_isa();
  for (const int n : thread_counts) {
    set_thread_count(n);
    check(std::to_string(n) + " threads, " + std::string(isa_name(isa)));
  }
  set_thread_count(threads);
  for (const Isa other : {Isa::scalar, Isa::avx2, Isa::avx512}) {
    if (other == isa || !isa_supported(other)) continue;
    set_active_isa(other);
    check(std::string(isa_name(other)));
  }
  set_active_isa(isa);
}

}  // namespace vitrine::testing
