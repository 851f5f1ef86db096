#ifndef VECFERRY_COMMON_BASE_SHA256_H_
#define VECFERRY_COMMON_BASE_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::base {

// SHA-256 of `bytes` as 64 lower-case hexadecimal digits (FIPS 180-4), by OpenSSL. Thread-safe.
std::string Sha256Hex(absl::string_view bytes);

}  // namespace vecferry::base

#endif  // VECFERRY_COMMON_BASE_SHA256_H_
