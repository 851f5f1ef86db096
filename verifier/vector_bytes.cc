#include "verifier/vector_bytes.h"

#include <cstring>

#include "verifier/bytes.h"
#include "verifier/half.h"

namespace vecferry::verifier {
namespace {

// Two float32s in one word. Adding one to an exponent of only ones carries into the sign's place, which was cleared.
constexpr std::uint64_t kSigns = 0x8000000080000000, kExponentOnes = 0x0080000000800000;
std::uint64_t CarriesOfNonFinite(std::uint64_t two_floats) { return ((two_floats & ~kSigns) + kExponentOnes) & kSigns; }

// Both numbers with their bytes turned, each in its place.
std::uint64_t Turned(std::uint64_t two_floats) {
  const std::uint64_t turned = __builtin_bswap64(two_floats);
  return turned << 32 | turned >> 32;
}

// The words of `floats`, the last one filled up with 0, and what each becomes: `take(at, word, bytes)`.
template <typename Take>
void ForEachWord(absl::string_view floats, const Take& take) {
  std::size_t at = 0;
  std::uint64_t word = 0;
  for (; at + 8 <= floats.size(); at += 8) {
    std::memcpy(&word, floats.data() + at, 8);
    take(at, word, std::size_t{8});
  }
  if (at == floats.size()) return;
  word = 0;
  std::memcpy(&word, floats.data() + at, floats.size() - at);
  take(at, word, floats.size() - at);
}

}  // namespace

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a word's first float is its lower half");

void AppendVectorHeader(std::size_t components, std::string& out) {
  AppendNetwork(static_cast<std::uint16_t>(components), out);
  AppendNetwork(std::uint16_t{0}, out);
}

bool AppendTurned(absl::string_view floats, std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + floats.size());
  char* const to = out.data() + begin;
  std::uint64_t carries = 0;
  ForEachWord(floats, [&](std::size_t at, std::uint64_t word, std::size_t bytes) {
    carries |= CarriesOfNonFinite(word);
    const std::uint64_t turned = Turned(word);
    std::memcpy(to + at, &turned, bytes);
  });
  return carries == 0;
}

bool AreFiniteFloats(absl::string_view floats) {
  std::uint64_t carries = 0;
  ForEachWord(floats,
              [&](std::size_t, std::uint64_t word, std::size_t) { carries |= CarriesOfNonFinite(Turned(word)); });
  return carries == 0;
}

bool AreFiniteHalves(absl::string_view halves) {
  bool finite = true;
  for (std::size_t at = 0; at + 2 <= halves.size(); at += 2) {
    finite &= (FromNetwork<std::uint16_t>(halves.data() + at) & kHalfInfinity) != kHalfInfinity;
  }
  return finite;
}

}  // namespace vecferry::verifier
