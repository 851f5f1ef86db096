#ifndef VECFERRY_TESTS_FUZZ_FUZZ_H_
#define VECFERRY_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/string_view.h"

// Every target defines this one; libFuzzer calls it (preset `fuzz`), or corpus_main.cc for each kept input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace vecferry::testing {

inline absl::string_view AsText(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A broken promise ends the program, which is how a fuzzer takes notice.
inline void Require(bool promise, const char* what) {
  if (promise) return;
  fprintf(stderr, "broken promise: %s\n", what);
  abort();
}

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_FUZZ_FUZZ_H_
