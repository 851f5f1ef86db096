#ifndef VECFERRY_VERIFIER_BYTES_H_
#define VECFERRY_VERIFIER_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace vecferry::verifier {

// Numbers as Postgres sends them: big-endian. `Unsigned` decides the number of bytes.
template <typename Unsigned>
void AppendNetwork(Unsigned value, std::string& out) {
  char bytes[sizeof(Unsigned)];
  for (std::size_t at = sizeof(Unsigned); at-- > 0; value = static_cast<Unsigned>(std::uint64_t{value} >> 8)) {
    bytes[at] = static_cast<char>(value & 0xff);
  }
  out.append(bytes, sizeof(Unsigned));
}

template <typename Unsigned>
Unsigned FromNetwork(const char* bytes) {
  std::uint64_t value = 0;
  for (std::size_t at = 0; at < sizeof(Unsigned); ++at) value = value << 8 | static_cast<unsigned char>(bytes[at]);
  return static_cast<Unsigned>(value);
}

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_BYTES_H_
