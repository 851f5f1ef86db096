#ifndef VECFERRY_TESTS_SUPPORT_READING_H_
#define VECFERRY_TESTS_SUPPORT_READING_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "verifier/canonical.h"

namespace vecferry::testing {

// A canonical form as tests write it: text as it is, everything else in hex.
inline std::string Shown(core::PgKind kind, absl::string_view canonical) {
  const bool is_text = kind == core::PgKind::kNumeric || kind == core::PgKind::kText || kind == core::PgKind::kJsonb;
  return is_text ? std::string(canonical) : absl::BytesToHexString(canonical);
}

// What the verifier reads: "HEX", "rounded HEX", "nul_in_text: HEX", "unfit not_uuid", "null".
inline std::string Shown(const verifier::Reading& reading, core::PgKind kind, absl::string_view canonical) {
  using Result = verifier::Reading::Result;
  switch (reading.result) {
    case Result::kExact: return Shown(kind, canonical);
    case Result::kRounded: return absl::StrCat("rounded ", Shown(kind, canonical));
    case Result::kRepaired: return absl::StrCat(reading.kind, ": ", Shown(kind, canonical));
    case Result::kNull: return absl::StrCat("null", Shown(kind, canonical));
    case Result::kUnfit: return absl::StrCat("unfit ", reading.kind, Shown(kind, canonical));
  }
  return "";
}

inline std::string Read(const core::PgType& type, const core::ValueView& value) {
  std::string canonical;
  const verifier::Reading reading = verifier::ReadValue(value, type, canonical);
  return Shown(reading, type.kind, canonical);
}

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_READING_H_
